/**
 * The devices as the map and its lists draw them: by number, one column for each thing that is drawn.
 *
 * Theory of operation: once a second `beat` looks again at the devices of which something was heard, and at the next tenth of all,
 * for those that fell silent. What differs from what is drawn is told to who listens, by number. `whole` looks at all of them: when
 * the filter, the alerts or the moment that is shown changed.
 *
 * INVARIANTS
 * - `tally` and `lit` are the sums of the columns over the devices that the filter shows but for its conditions: a legend says what
 *   choosing a condition would show.
 * - A beat takes time by what changed and a tenth of the devices, never by how many messages came.
 */

import type { Device } from '../city/api'
import { city, type Condition, type Reading } from '../city/city.svelte'
import { CONDITIONS, RANK } from './conditions'
import { passes, type Filter } from './filter'

const SLICES = 10

/** What alerts say of one device: the open incidents it is a subject of, and the worst of them, 1 low .. 4 critical. */
export interface Alerted { incidents: ReadonlySet<string>; worst: number }
/** What is shown when a moment that is past is shown. */
export interface Then { at: number; readings: ReadonlyMap<string, ReadonlyMap<string, Reading>>; alerted: ReadonlyMap<string, Alerted> }

export type Heard = (changed: readonly number[]) => void

export class Points {
  readonly devices: readonly Device[]
  readonly state: Uint8Array // rank of the condition
  readonly level: Float32Array // of a lamp, 0..100
  readonly worst: Uint8Array // severity of its alerts
  readonly shown: Uint8Array // 1: the filter lets it through
  readonly number: ReadonlyMap<string, number>
  alerted: ReadonlyMap<string, Alerted> = new Map()
  tally = $state.raw<readonly number[]>(CONDITIONS.map(() => 0))
  lit = $state(0)
  alarmed = $state(0) // devices with alerts
  version = $state(0)

  readonly #meant: Uint8Array // 1: the filter lets it through but for its conditions
  readonly #listeners = new Set<Heard>()
  #filter: Filter
  #then: Then | null = null
  #next = 0 // where the slice of this beat begins
  #primed = false

  constructor(devices: readonly Device[], filter: Filter) {
    this.devices = devices
    this.number = new Map(devices.map((d, i) => [d.id, i]))
    this.state = new Uint8Array(devices.length)
    this.level = new Float32Array(devices.length)
    this.worst = new Uint8Array(devices.length)
    this.shown = new Uint8Array(devices.length)
    this.#meant = new Uint8Array(devices.length)
    this.#filter = filter
  }

  listen(heard: Heard): () => void {
    this.#listeners.add(heard)
    return () => this.#listeners.delete(heard)
  }

  condition = (i: number): Condition => CONDITIONS[this.state[i]!]!.id

  /** Look at everything anew, with this filter and, where one is given, at this moment. */
  whole(filter: Filter, then: Then | null, alerted: ReadonlyMap<string, Alerted>): void {
    this.#filter = filter
    this.#then = then
    this.alerted = then ? then.alerted : alerted
    this.#primed = true
    const at = this.#now()
    const changed: number[] = []
    for (let i = 0; i < this.devices.length; i++) this.#look(i, at, changed)
    this.#sum()
    this.#tell(changed)
  }

  /** Once a second. The past does not change. */
  beat(): void {
    if (this.#then || !this.#primed) return
    const at = this.#now()
    const changed: number[] = []
    for (const id of city.news) {
      const i = this.number.get(id)
      if (i !== undefined) this.#look(i, at, changed)
    }
    city.news.clear()
    const most = this.devices.length
    const end = Math.min(most, this.#next + Math.ceil(most / SLICES))
    for (let i = this.#next; i < end; i++) this.#look(i, at, changed)
    this.#next = end >= most ? 0 : end
    if (changed.length === 0) return
    this.#sum()
    this.#tell(changed)
  }

  #now(): number {
    return this.#then?.at ?? city.cityNow ?? city.place?.clock.now_ms ?? 0
  }

  #look(i: number, at: number, changed: number[]): void {
    const [state, level, shown] = [this.state[i], this.level[i], this.shown[i]]
    this.#judge(i, at)
    if (state !== this.state[i] || level !== this.level[i] || shown !== this.shown[i]) changed.push(i)
  }

  #judge(i: number, at: number): void {
    const device = this.devices[i]!
    const then = this.#then ? (this.#then.readings.get(device.id) ?? null) : undefined
    const readings = then === undefined ? city.readings.get(device.id) : then
    this.state[i] = RANK[city.condition(device, at, then)]
    this.level[i] = device.actuator ? (readings?.get('lamp-level')?.value ?? 0) : 0
    this.worst[i] = this.alerted.get(device.id)?.worst ?? 0
    this.#meant[i] = passes(this.#filter, device, this.worst[i]!) ? 1 : 0
    this.shown[i] = this.#meant[i] && (this.#filter.states.length === 0 || this.#filter.states.includes(this.condition(i))) ? 1 : 0
  }

  #sum(): void {
    const tally = CONDITIONS.map(() => 0)
    let [lit, alarmed] = [0, 0]
    for (let i = 0; i < this.devices.length; i++) {
      if (!this.#meant[i]) continue
      tally[this.state[i]!]!++
      if (this.level[i]! > 0) lit++
      if (this.worst[i]! > 0) alarmed++
    }
    this.tally = tally
    this.lit = lit
    this.alarmed = alarmed
  }

  #tell(changed: readonly number[]): void {
    this.version++
    for (const heard of this.#listeners) heard(changed)
  }
}
