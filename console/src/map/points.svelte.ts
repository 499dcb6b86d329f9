/**
 * The devices as the map and its lists draw them: by number, one column for each thing that is drawn.
 *
 * Theory of operation: with each beat of the city (`beat`, once a second) it looks again at the devices of which something was heard,
 * and at the next tenth of all, for those that fell silent. What differs from what is drawn is told to who listens, by number. `whole` looks at all of them: when
 * the filter, the alerts or the moment that is shown changed.
 *
 * INVARIANTS
 * - `tally` and `lit` are the sums of the columns over the devices that the filter shows but for its conditions: a legend says what
 *   choosing a condition would show.
 * - A beat takes time by what changed and a tenth of the devices, never by how many messages came; it makes no object for a device.
 * - What `#rank` says of now is what `city.condition` says.
 */

import type { Device } from '../city/api'
import { city, REFUSED_MS, STALE_MS, type Condition, type Reading } from '../city/city.svelte'
import { CONDITIONS, RANK } from './conditions'
import { isEverything, passes, type Filter } from './filter'

const SLICES = 10

/** What alerts say of one device: the open incidents it is a subject of, and the worst of them, 1 low .. 4 critical. */
export interface Alerted { incidents: ReadonlySet<string>; worst: number }
/** What is shown when a moment that is past is shown. */
export interface Then { at: number; readings: ReadonlyMap<string, ReadonlyMap<string, Reading>>; alerted: ReadonlyMap<string, Alerted> }

/** `whole`: what is not told by number may differ, too. */
export type Heard = (changed: readonly number[], whole: boolean) => void

const NONE = -1
const LEVEL = 'lamp-level'

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
  listed = $state(0) // grows when the filter lets others through than before, or alerts changed

  readonly #meant: Uint8Array // 1: the filter lets it through but for its conditions
  readonly #listeners = new Set<Heard>()
  #filter: Filter
  #then: Then | null = null
  // of the devices, for a beat touches a thousand of them and should not fetch each from memory
  readonly #active: Uint8Array
  readonly #actuator: Uint8Array
  readonly #slot: Int32Array // of `city.readings`; NONE: never heard
  #numbers = new Int32Array(0) // slot -> number; NONE: of no device here
  #next = 0 // where the slice of this beat begins
  #primed = false
  #others = false // since `listed` grew

  constructor(devices: readonly Device[], filter: Filter) {
    this.devices = devices
    this.number = new Map(devices.map((d, i) => [d.id, i]))
    this.state = new Uint8Array(devices.length)
    this.level = new Float32Array(devices.length)
    this.worst = new Uint8Array(devices.length)
    this.shown = new Uint8Array(devices.length)
    this.#meant = new Uint8Array(devices.length)
    this.#active = Uint8Array.from(devices, (d) => (d.status === 'active' ? 1 : 0))
    this.#actuator = Uint8Array.from(devices, (d) => (d.actuator ? 1 : 0))
    this.#slot = new Int32Array(devices.length).fill(NONE)
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
    this.#know()
    const at = this.#now()
    const changed: number[] = []
    const everything = isEverything(filter)
    for (let i = 0; i < this.devices.length; i++) this.#lookWhole(i, at, everything, changed)
    this.listed++
    this.#sum()
    this.#tell(changed, true)
  }

  /** Once a second. The past does not change. */
  beat(): void {
    if (this.#then || !this.#primed) return
    const at = this.#now()
    const changed: number[] = []
    this.#know()
    for (const slot of city.readings.news()) {
      const i = this.#numbers[slot]!
      if (i !== NONE) this.#look(i, at, changed)
    }
    for (const id of city.refusedNews) {
      const i = this.number.get(id)
      if (i !== undefined) this.#look(i, at, changed)
    }
    city.refusedNews.clear()
    const most = this.devices.length
    const end = Math.min(most, this.#next + Math.ceil(most / SLICES))
    for (let i = this.#next; i < end; i++) this.#look(i, at, changed)
    this.#next = end >= most ? 0 : end
    if (changed.length === 0) return
    if (this.#others) this.listed++
    this.#others = false
    this.#sum()
    this.#tell(changed, false)
  }

  #now(): number {
    return this.#then?.at ?? city.cityNow ?? city.place?.clock.now_ms ?? 0
  }

  /** Devices that were heard for the first time. */
  #know(): void {
    const { devices } = city.readings
    const known = this.#numbers.length
    if (devices.length === known) return
    const numbers = new Int32Array(devices.length)
    numbers.set(this.#numbers)
    for (let slot = known; slot < devices.length; slot++) {
      const i = (numbers[slot] = this.number.get(devices[slot]!) ?? NONE)
      if (i !== NONE) this.#slot[i] = slot
    }
    this.#numbers = numbers
  }

  /** What may have changed by itself: its condition and its level. */
  #look(i: number, at: number, changed: number[]): void {
    const [state, level, shown] = [this.state[i]!, this.level[i]!, this.shown[i]!]
    this.#judge(i, at)
    this.#others ||= shown !== this.shown[i]
    if (state !== this.state[i] || level !== this.level[i] || shown !== this.shown[i]) changed.push(i)
  }

  #lookWhole(i: number, at: number, everything: boolean, changed: number[]): void {
    const device = this.devices[i]!
    this.worst[i] = this.alerted.get(device.id)?.worst ?? 0
    this.#meant[i] = everything || passes(this.#filter, device, this.worst[i]!) ? 1 : 0
    this.#look(i, at, changed)
  }

  #judge(i: number, at: number): void {
    this.state[i] = this.#rank(i, at)
    if (this.#actuator[i]) this.level[i] = this.#lampLevel(i)
    this.shown[i] = this.#meant[i] && (this.#filter.states.length === 0 || this.#filter.states.includes(this.condition(i))) ? 1 : 0
  }

  #rank(i: number, at: number): number {
    const slot = this.#slot[i]!
    if (this.#then) return RANK[city.condition(this.devices[i]!, at, this.#then.readings.get(this.devices[i]!.id) ?? null)]
    if (!this.#active[i] || slot === NONE) return RANK[city.condition(this.devices[i]!, at)]
    const refused = city.lastRefusal.size ? city.lastRefusal.get(this.devices[i]!.id) : undefined
    if (refused !== undefined && at - refused < REFUSED_MS) return RANK.refused
    return at < city.readings.freshUntil(slot, STALE_MS) ? RANK.fresh : RANK.stale
  }

  #lampLevel(i: number): number {
    if (this.#then) return this.#then.readings.get(this.devices[i]!.id)?.get(LEVEL)?.value ?? 0
    const slot = this.#slot[i]!
    return slot === NONE ? 0 : (city.readings.valueAt(slot, LEVEL) ?? 0)
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
    if (tally.some((n, rank) => n !== this.tally[rank])) this.tally = tally
    this.lit = lit
    this.alarmed = alarmed
  }

  #tell(changed: readonly number[], whole: boolean): void {
    this.version++
    for (const heard of this.#listeners) heard(changed, whole)
  }
}
