/**
 * The city as this tab knows it: the declaration once, then what the live feed says.
 *
 * INVARIANTS
 * - What is shown as live was heard within `SILENCE_MS`; otherwise `link` says so and the page shows it.
 * - Everything kept is bounded: one value per channel, `KEPT_COMMANDS` commands, `KEPT_RATES` rates.
 */

import { get, Unanswered, type Chain, type Clock, type Command, type Counts, type Device, type Health, type Latest, type Place, type Refusals } from './api'
import { Times } from './words'

export type Link = 'connecting' | 'live' | 'silent' | 'signed-out'
export type Condition = 'fresh' | 'stale' | 'refused' | 'unheard' | 'inactive' | 'elsewhere'

export const SILENCE_MS = 8_000 // the feed speaks every second
const KEPT_COMMANDS = 300
const KEPT_RATES = 90
const STALE_MS = 2 * 3_600_000 // city time; slow devices get four times their usual gap
const REFUSED_MS = 3_600_000 // city time
const RETRY_MS = 3_000
const REFUSALS_EVERY_MS = 4_000

export interface Reading { value: number; at: number; gap: number; doubted?: boolean }

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
  now = $state(Date.now()) // machine time, ticking
  version = $state(0) // grows with every change of `readings`

  /** device -> property -> the newest reading */
  readonly readings = new Map<string, Map<string, Reading>>()
  readonly lastRefusal = new Map<string, number>()
  /** Devices of which something was heard or refused since whoever draws them looked last; at most all of them. */
  readonly news = new Set<string>()
  times = $derived(new Times(this.place?.timezone ?? 'UTC'))
  devices = $derived(new Map((this.place?.devices ?? []).map((d) => [d.id, d] as const)))
  areas = $derived(new Map((this.place?.areas ?? []).map((a) => [a.id, a.name] as const)))
  flows = $derived(new Map((this.place?.flows ?? []).map((f) => [f.id, f] as const)))
  /** Devices and groups that send here; null until the chains are known. */
  ours = $derived(this.chain && new Set(this.chain.edges.filter((e) => e.observability === 'enforced').map((e) => e.from)))

  #clock = $state.raw<{ city: number; machine: number; speed: number } | null>(null)
  #source: EventSource | null = null

  /** The city's time, running on between two beats of the feed; it stops when the feed is silent. */
  cityNow = $derived.by(() => {
    if (!this.#clock) return null
    const until = this.link === 'live' ? Math.max(this.now, this.#clock.machine) : this.#clock.machine
    return this.#clock.city + (until - this.#clock.machine) * this.#clock.speed
  })
  speed = $derived(this.#clock?.speed ?? 1)

  /** Load the declaration, then listen until the page closes. */
  async start(): Promise<void> {
    setInterval(() => this.#tick(), 500)
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
    this.#listen()
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

  #tick(): void {
    this.now = Date.now()
    if (this.link === 'live' && this.now - this.heardAt > SILENCE_MS) this.link = 'silent'
  }

  #listen(): void {
    this.#source?.close()
    const source = (this.#source = new EventSource('/api/live'))
    const on = <T>(event: string, take: (data: T) => void) =>
      source.addEventListener(event, (e: MessageEvent<string>) => {
        this.heardAt = this.now = Date.now()
        this.link = 'live'
        take(JSON.parse(e.data) as T)
      })
    on<Counts>('counts', (counts) => {
      this.counts = counts
      this.rates = [...this.rates.slice(1 - KEPT_RATES), counts.rate_per_s]
    })
    on<Latest[]>('latest', (rows) => this.#take(rows))
    on<Command[]>('commands', (rows) => {
      const known = new Map([...(this.commands ?? []), ...rows].map((c) => [c.id, c]))
      this.commands = [...known.values()].sort((a, b) => b.sent_at_ms - a.sent_at_ms).slice(0, KEPT_COMMANDS)
    })
    on<Clock>('clock', (clock) => this.#setClock(clock))
    on<Health>('health', (health) => (this.health = health))
    source.onerror = () => {
      if (this.link !== 'signed-out') this.link = this.heardAt ? 'silent' : 'connecting'
      // A browser gives up on an answer that is not a stream: ask why, then try again.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => void this.#again(), RETRY_MS)
    }
  }

  async #again(): Promise<void> {
    try {
      this.place = await get<Place>('/api/place')
      this.#listen()
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

  #take(rows: Latest[]): void {
    for (const row of rows) {
      this.news.add(row.device)
      let of = this.readings.get(row.device)
      if (!of) this.readings.set(row.device, (of = new Map()))
      const before = of.get(row.property)
      if (before && row.observed_at_ms < before.at) continue
      const gap = before ? Math.max(0, row.observed_at_ms - before.at) : 0
      of.set(row.property, { value: row.value, at: row.observed_at_ms, gap: before ? Math.max(gap, before.gap * 0.9) : 0 })
    }
    this.version++
  }

  async #askRefusals(): Promise<void> {
    if (!this.place || document.hidden || this.link === 'signed-out') return
    try {
      const answer = await get<Refusals>('/api/refusals?limit=200')
      this.refusals = answer
      for (const r of answer.recent) {
        if (r.received_at_ms <= (this.lastRefusal.get(r.device) ?? 0)) continue
        this.lastRefusal.set(r.device, r.received_at_ms)
        this.news.add(r.device)
      }
    } catch (error) {
      if (error instanceof Unanswered && error.status === 401) this.#failed(error)
    }
  }
}

export const city = new City()
