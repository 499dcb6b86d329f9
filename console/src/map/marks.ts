/** Which marks stand over the map at a zoom: made of the clusters and of what is told of their members. */

import type { Position } from '../city/api'
import type { Cluster, Clusters } from './clusters'
import { CONDITIONS, SEVERITIES } from './conditions'
import type { Mark } from './Marks.svelte'
import type { Points } from './points.svelte'

const MOST = 120 // on the screen; the worst first

export interface Doors { near: (cluster: Cluster) => void; open: (device: string) => void }

/** What one cluster says of its members that the filter shows. */
interface Told { count: number; state: number; worst: number; incidents: number; by: Int32Array }

function tell(cluster: Cluster, points: Points): Told {
  const told: Told = { count: 0, state: CONDITIONS.length - 1, worst: 0, incidents: 0, by: new Int32Array(CONDITIONS.length) }
  let incidents: Set<string> | null = null
  for (const i of cluster.members) {
    if (!points.shown[i]) continue
    const state = points.state[i]!
    told.count++
    told.by[state]!++
    if (state < told.state) told.state = state
    if (points.worst[i]! === 0) continue
    told.worst = Math.max(told.worst, points.worst[i]!)
    incidents ??= new Set()
    for (const id of points.alerted.get(points.devices[i]!.id)?.incidents ?? []) incidents.add(id)
  }
  told.incidents = incidents?.size ?? 0
  return told
}

/** Whether the mark would be the same; the worst state follows from `by`, and `count`, too. */
const same = (a: Told, b: Told): boolean => a.worst === b.worst && a.incidents === b.incidents && a.by.every((n, i) => n === b.by[i])

const alertsInWords = (n: number): string => (n === 0 ? 'no open alert' : n === 1 ? '1 open alert' : `${n} open alerts`)

function clusterMark(cluster: Cluster, told: Told, doors: Doors): Mark {
  const states = CONDITIONS.flatMap((c, rank) => (told.by[rank] ? [`${told.by[rank]} ${c.word.toLowerCase()}`] : []))
  return {
    key: `c${cluster.number}`,
    at: cluster.centre,
    one: false,
    count: told.count,
    state: CONDITIONS[told.state]!.id,
    alerts: told.incidents,
    worst: told.worst ? SEVERITIES[told.worst - 1]! : null,
    words: `${told.count} devices: ${states.join(', ')}; ${alertsInWords(told.incidents)}. Show nearer.`,
    go: () => doors.near(cluster),
  }
}

function deviceMark(i: number, points: Points, doors: Doors): Mark {
  const device = points.devices[i]!
  const alerts = points.alerted.get(device.id)?.incidents.size ?? 0
  return {
    key: `d${i}`,
    at: device.position!,
    one: true,
    count: 1,
    state: points.condition(i),
    alerts,
    worst: SEVERITIES[points.worst[i]! - 1] ?? null,
    words: `${device.name}: ${CONDITIONS[points.state[i]!]!.word.toLowerCase()}; ${alertsInWords(alerts)}. Open its page.`,
    go: () => doors.open(device.id),
  }
}

/** The marks at one zoom. What is told of a cluster is told anew only where one of its members changed. */
export class Over {
  readonly #points: Points
  readonly #doors: Doors
  readonly #clusters: Clusters
  readonly #told: (Told | undefined)[] = [] // by cluster
  readonly #marks: (Mark | undefined)[] = []

  constructor(points: Points, clusters: Clusters, doors: Doors) {
    this.#points = points
    this.#clusters = clusters
    this.#doors = doors
  }

  /** These devices changed; whether a mark did. Of what has a mark of its own, nothing is kept. */
  change(devices: readonly number[]): boolean {
    let any = false
    const seen = new Set<number>()
    for (const i of devices) {
      const of = this.#clusters.of[i]!
      if (of === -1) any ||= this.#points.worst[i]! > 0
      else seen.add(of)
    }
    for (const number of seen) {
      const [before, now] = [this.#told[number], tell(this.#clusters.all[number]!, this.#points)]
      if (before && same(before, now)) continue
      this.#told[number] = now
      this.#marks[number] = undefined
      any = true
    }
    return any
  }

  /** Those that are seen, the worst first. A mark that is the same is the same object. */
  list(seen: (at: Position) => boolean): Mark[] {
    const { all, of } = this.#clusters
    const points = this.#points
    const found: { mark: Mark; worst: number; state: number }[] = []
    for (const cluster of all) {
      if (!seen(cluster.centre)) continue
      const told = (this.#told[cluster.number] ??= tell(cluster, points))
      if (told.count === 0) continue
      found.push({ mark: (this.#marks[cluster.number] ??= clusterMark(cluster, told, this.#doors)), worst: told.worst, state: told.state })
    }
    for (const id of points.alerted.keys()) {
      const i = points.number.get(id)
      if (i === undefined || of[i] !== -1 || !points.shown[i] || !points.devices[i]!.position) continue
      if (seen(points.devices[i]!.position)) found.push({ mark: deviceMark(i, points, this.#doors), worst: points.worst[i]!, state: points.state[i]! })
    }
    return found.sort((a, b) => b.worst - a.worst || a.state - b.state || b.mark.count - a.mark.count).slice(0, MOST).map((f) => f.mark)
  }
}
