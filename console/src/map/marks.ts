/** Which marks stand over the map at a zoom: made of the clusters and of what is told of their members. */

import type { Position } from '../city/api'
import type { Cluster, Clusters } from './clusters'
import { CONDITIONS, SEVERITIES } from './conditions'
import type { Mark } from './Marks.svelte'
import type { Points } from './points.svelte'

const MOST = 120 // on the screen; the worst first

export interface Doors { near: (cluster: Cluster) => void; open: (device: string) => void; seen: (at: Position) => boolean }

/** What one cluster says of its members that the filter shows; null: it shows none. */
interface Told { count: number; state: number; worst: number; incidents: Set<string>; by: number[] }

function tell(cluster: Cluster, points: Points): Told | null {
  const told: Told = { count: 0, state: CONDITIONS.length - 1, worst: 0, incidents: new Set(), by: CONDITIONS.map(() => 0) }
  for (const i of cluster.members) {
    if (!points.shown[i]) continue
    told.count++
    told.by[points.state[i]!]!++
    told.state = Math.min(told.state, points.state[i]!)
    if (points.worst[i]! === 0) continue
    told.worst = Math.max(told.worst, points.worst[i]!)
    for (const id of points.alerted.get(points.devices[i]!.id)?.incidents ?? []) told.incidents.add(id)
  }
  return told.count ? told : null
}

const alertsInWords = (n: number): string => (n === 0 ? 'no open alert' : n === 1 ? '1 open alert' : `${n} open alerts`)

function clusterMark(cluster: Cluster, told: Told, doors: Doors): Mark {
  const states = CONDITIONS.flatMap((c, rank) => (told.by[rank] ? [`${told.by[rank]} ${c.word.toLowerCase()}`] : []))
  return {
    key: `c${cluster.number}`,
    at: cluster.centre,
    one: false,
    count: told.count,
    state: CONDITIONS[told.state]!.id,
    alerts: told.incidents.size,
    worst: told.worst ? SEVERITIES[told.worst - 1]! : null,
    words: `${told.count} devices: ${states.join(', ')}; ${alertsInWords(told.incidents.size)}. Show nearer.`,
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

/** The marks that are seen, the worst first. */
export function marksOf(points: Points, clusters: Clusters, doors: Doors): Mark[] {
  const found: { mark: Mark; worst: number; state: number }[] = []
  for (const cluster of clusters.all) {
    const told = doors.seen(cluster.centre) ? tell(cluster, points) : null
    if (told) found.push({ mark: clusterMark(cluster, told, doors), worst: told.worst, state: told.state })
  }
  for (const id of points.alerted.keys()) {
    const i = points.number.get(id)
    if (i === undefined || clusters.of[i] !== -1 || !points.shown[i] || !points.devices[i]!.position) continue
    if (doors.seen(points.devices[i]!.position)) found.push({ mark: deviceMark(i, points, doors), worst: points.worst[i]!, state: points.state[i]! })
  }
  return found.sort((a, b) => b.worst - a.worst || a.state - b.state || b.mark.count - a.mark.count).slice(0, MOST).map((f) => f.mark)
}
