/**
 * The city as this tab knows it: the declaration once, then what the live feed says.
 *
 * Theory of operation: a worker listens to the feed (`ear`, `live.worker`) and tells once a second what changed, and nothing while the
 * tab is hidden. All that is drawn of the present is drawn in that one turn: `now` ticks then, and who listens is called then.
 *
 * INVARIANTS
 * - What is shown as live was heard within `SILENCE_MS`; otherwise `link` says so and the page shows it.
 * - Everything kept is bounded: one value per channel, `KEPT_COMMANDS` commands, `KEPT_RATES` rates.
 */

import { get, Unanswered, type Chain, type Clock, type Command, type Counts, type Device, type FlowCount, type Health, type Place, type Refusals, type Versions } from './api'
import { Ear } from './ear'
import { KEPT_COMMANDS, KEPT_RATES, type Beat, type CountsTold } from './gathering'
import { Readings, type Reading } from './readings'
import { Times } from './words'

export type { Reading }
export type Link = 'connecting' | 'live' | 'silent' | 'signed-out'
export type Condition = 'fresh' | 'stale' | 'refused' | 'unheard' | 'inactive' | 'elsewhere'

export const SILENCE_MS = 8_000 // the feed speaks every second
export const STALE_MS = 2 * 3_600_000 // city time; slow devices get four times their usual gap
export const REFUSED_MS = 3_600_000 // city time
const RETRY_MS = 3_000
const REFUSALS_EVERY_MS = 4_000
const REFUSALS_LATEST_MS = 300_000

/** Rows of flows are made when somebody looks at them. */
function countsOf(told: CountsTold, flows: readonly string[]): Counts {
  let rows: FlowCount[] | null = null
  const n = told.numbers
  const row = (flow: string, i: number): FlowCount => ({ flow, received: n[4 * i]!, admitted: n[4 * i + 1]!, refused: n[4 * i + 2]!, shed: n[4 * i + 3]! })
  return {
    totals: told.totals,
    rate_per_s: told.rate_per_s,
    get flows() {
      return (rows ??= flows.map(row))
    },
  }
}

class City {
  place = $state.raw<Place | null>(null)
  problem = $state<string | null>(null)
  link = $state<Link>('connecting')
  counts = $state.raw<Counts | null>(null)
  rates = $state.raw<number[]>([])
  commands = $state.raw<Command[] | null>(null)
  health = $state.raw<Health | null>(null)
  refusals = $state.raw<Refusals | null>(null)
  chain = $state.raw<Chain | null>(null)
  heardAt = $state(0) // machine time
  now = $state(Date.now()) // machine time, ticking once a second while the tab is seen
  /** Of answers that are kept: tokens that move when the answer does. Empty until the feed told them. */
  versions: Versions = {}
  version = $state(0) // grows with every change of `readings`

  /** device -> property -> the newest reading */
  readonly readings = new Readings()
  readonly lastRefusal = new Map<string, number>()
  /** Devices of which something was refused since whoever draws them looked last; at most all of them. */
  readonly refusedNews = new Set<string>()
  times = $derived(new Times(this.place?.timezone ?? 'UTC'))
  devices = $derived(new Map((this.place?.devices ?? []).map((d) => [d.id, d] as const)))
  areas = $derived(new Map((this.place?.areas ?? []).map((a) => [a.id, a.name] as const)))
  flows = $derived(new Map((this.place?.flows ?? []).map((f) => [f.id, f] as const)))
  /** Devices and groups that send here; null until the chains are known. */
  ours = $derived(this.chain && new Set(this.chain.edges.filter((e) => e.observability === 'enforced').map((e) => e.from)))

  #clock = $state.raw<{ city: number; machine: number; speed: number } | null>(null)
  #ear: Ear | null = null
  #flowNames: readonly string[] = []
  #seenAt = 0 // machine time: what is older was not to be heard
  readonly #listeners = new Set<() => void>()
  #refusedThen = -1 // rows refused and shed when refusals were asked for last
  #refusalsAt = 0

  /** The city's time, running on between two beats of the feed; it stops when the feed is silent. */
  cityNow = $derived.by(() => {
    if (!this.#clock) return null
    const until = this.link === 'live' ? Math.max(this.now, this.#clock.machine) : this.#clock.machine
    return this.#clock.city + (until - this.#clock.machine) * this.#clock.speed
  })
  speed = $derived(this.#clock?.speed ?? 1)

  /** Load the declaration, then listen until the page closes. */
  async start(): Promise<void> {
    this.#ear = new Ear({
      beat: (beat) => this.#take(beat),
      gaveUp: () => setTimeout(() => void this.#again(), RETRY_MS), // of an answer that is no stream: ask why, then try again
      failed: () => (this.problem = 'This browser did not start the worker that listens to the city.'),
    })
    document.addEventListener('visibilitychange', () => (this.#seenAt = Date.now()))
    setInterval(() => void this.#askRefusals(), REFUSALS_EVERY_MS)
    for (;;) {
      try {
        this.place = await get<Place>('/api/place')
        this.problem = null
        break
      } catch (error) {
        if (this.#failed(error)) return
        await new Promise((again) => setTimeout(again, RETRY_MS))
      }
    }
    this.#setClock(this.place.clock)
    this.#ear.listen()
    void this.#askRefusals()
    void this.askChain().catch(() => undefined)
  }

  /** The chain picture, asked once. */
  async askChain(): Promise<Chain> {
    return (this.chain ??= await get<Chain>('/api/chain'))
  }

  flowOf(device: Device): string | null {
    const flow = this.place?.flows.find((f) => f.from === device.id || f.from === device.group)
    return flow?.id ?? null
  }

  /** How a device is at a city time, by what is known of it now; or by the readings that are given, as of a moment that is past. */
  condition(device: Device, at: number, then?: ReadonlyMap<string, Reading> | null): Condition {
    if (device.status !== 'active') return 'inactive'
    const refused = then === undefined ? this.lastRefusal.get(device.id) : undefined
    if (refused !== undefined && at - refused < REFUSED_MS) return 'refused'
    const readings = then === undefined ? this.readings.get(device.id) : then
    if (!readings) return !this.ours || this.ours.has(device.group) || this.ours.has(device.id) ? 'unheard' : 'elsewhere'
    for (const r of readings.values()) if (at - r.at < Math.max(STALE_MS, 4 * r.gap)) return 'fresh'
    return 'stale'
  }

  /** Called once a second while the tab is seen, after what was heard is known. */
  listen(heard: () => void): () => void {
    this.#listeners.add(heard)
    return () => this.#listeners.delete(heard)
  }

  #take(beat: Beat): void {
    this.now = Date.now()
    this.#judge(beat)
    if (beat.clock) this.#clock = { city: beat.clock.now_ms, machine: beat.clock.machine, speed: beat.clock.speed }
    if (beat.counts) this.counts = countsOf(beat.counts, (this.#flowNames = beat.counts.flows ?? this.#flowNames))
    if (beat.rates.length) this.rates = [...this.rates, ...beat.rates].slice(-KEPT_RATES)
    if (beat.health) this.health = beat.health
    if (beat.versions) this.versions = beat.versions
    if (beat.commands.length) this.#takeCommands(beat.commands)
    if (beat.channel.length) {
      this.readings.take(beat)
      this.version++
    }
    for (const heard of this.#listeners) heard()
  }

  #judge({ heardAt, broken }: Beat): void {
    const anew = heardAt > this.heardAt
    this.heardAt = heardAt
    if (this.link === 'signed-out' && !anew) return
    const late = this.now - Math.max(heardAt, this.#seenAt) > SILENCE_MS
    this.link = heardAt === 0 ? 'connecting' : broken || late ? 'silent' : 'live'
  }

  #takeCommands(rows: readonly Command[]): void {
    const known = new Map([...(this.commands ?? []), ...rows].map((c) => [c.id, c]))
    this.commands = [...known.values()].sort((a, b) => b.sent_at_ms - a.sent_at_ms).slice(0, KEPT_COMMANDS)
  }

  async #again(): Promise<void> {
    try {
      this.place = await get<Place>('/api/place')
      this.#ear?.listen()
    } catch (error) {
      if (!this.#failed(error)) setTimeout(() => void this.#again(), RETRY_MS)
    }
  }

  /** Whether to stop trying. */
  #failed(error: unknown): boolean {
    const status = error instanceof Unanswered ? error.status : 0
    this.problem = error instanceof Error ? error.message : 'The city does not answer.'
    if (status === 401) this.link = 'signed-out'
    return this.link === 'signed-out'
  }

  #setClock(clock: Clock): void {
    this.#clock = { city: clock.now_ms, machine: Date.now(), speed: clock.speed }
  }

  async #askRefusals(): Promise<void> {
    if (!this.place || document.hidden || this.link === 'signed-out') return
    // what is counted of refusals comes by the feed: they are asked for when the count moved, and now and then for the doors'
    const refused = this.counts ? this.counts.totals.refused + this.counts.totals.shed : -1
    if (this.refusals && refused === this.#refusedThen && Date.now() - this.#refusalsAt < REFUSALS_LATEST_MS) return
    try {
      const answer = await get<Refusals>('/api/refusals?limit=200')
      this.refusals = answer
      this.#refusedThen = refused
      this.#refusalsAt = Date.now()
      for (const r of answer.recent) {
        if (r.received_at_ms <= (this.lastRefusal.get(r.device) ?? 0)) continue
        this.lastRefusal.set(r.device, r.received_at_ms)
        this.refusedNews.add(r.device)
      }
    } catch (error) {
      if (error instanceof Unanswered && error.status === 401) this.#failed(error)
    }
  }
}

export const city = new City()
