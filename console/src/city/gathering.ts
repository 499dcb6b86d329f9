/**
 * What the live feed said, gathered until the page is told: here, and not on the page's own thread, everything of the feed is parsed
 * and the newest reading of every channel is kept.
 *
 * A channel is one property of one device; it has a number from its first reading on, and its name goes to the page once.
 *
 * INVARIANTS
 * - What is gathered is bounded: one entry for each channel, `KEPT_COMMANDS` commands, `KEPT_RATES` rates, the newest of all else.
 * - Of two readings of a channel the one observed later stays, in whatever order they come.
 */

import type { Clock, Command, Counts, Health, Latest, Versions } from './api'

export const KEPT_COMMANDS = 300
export const KEPT_RATES = 90

/** Flows as columns: of n flows `numbers` holds received, admitted, refused, shed of the first, then of the second... `flows` null: as last time. */
export interface CountsTold { totals: Counts['totals']; rate_per_s: number; flows: string[] | null; numbers: Float64Array }

/** What the page is told at a time: what changed since the last. Times are machine time but for `at`. */
export interface Beat {
  heardAt: number // of the newest event, 0: none yet
  broken: boolean // the connection failed, and nothing came since
  counts: CountsTold | null
  rates: number[]
  commands: Command[]
  clock: (Clock & { machine: number }) | null
  health: Health | null
  versions: Versions | null
  names: [device: string, property: string][] // of the channels that are new, in the order of their numbers
  channel: Uint32Array
  value: Float64Array
  at: Float64Array
  gap: Float64Array // between the newest two readings; it fades, so that one long silence is forgotten
}

export class Gathering {
  readonly #of = new Map<string, Map<string, number>>()
  readonly #value: number[] = []
  readonly #at: number[] = []
  readonly #gap: number[] = []
  readonly #changed = new Set<number>()
  #names: [string, string][] = []
  #rates: number[] = []
  #commands = new Map<string, Command>()
  #counts: Counts | null = null
  #flows: string[] = [] // as the page knows them
  #clock: Beat['clock'] = null
  #health: Health | null = null
  #versions: Versions | null = null
  heardAt = 0
  broken = false

  /** One event of the feed, heard now. */
  take(event: string, text: string, now: number): void {
    this.heardAt = now
    this.broken = false
    const data: unknown = JSON.parse(text)
    if (event === 'latest') this.#takeLatest(data as Latest[])
    else if (event === 'counts') this.#takeCounts(data as Counts)
    else if (event === 'commands') this.#takeCommands(data as Command[])
    else if (event === 'clock') this.#clock = { ...(data as Clock), machine: now }
    else if (event === 'health') this.#health = data as Health
    else if (event === 'versions') this.#versions = data as Versions
  }

  /** All of it since the last time. The columns are the caller's, to be given away. */
  beat(): Beat {
    const changed = Uint32Array.from(this.#changed)
    const of = (column: readonly number[]): Float64Array => Float64Array.from(changed, (c) => column[c]!)
    const told: Beat = {
      heardAt: this.heardAt,
      broken: this.broken,
      counts: this.#counts && this.#inColumns(this.#counts),
      rates: this.#rates,
      commands: [...this.#commands.values()],
      clock: this.#clock,
      health: this.#health,
      versions: this.#versions,
      names: this.#names,
      channel: changed,
      value: of(this.#value),
      at: of(this.#at),
      gap: of(this.#gap),
    }
    this.#changed.clear()
    this.#commands = new Map()
    this.#rates = []
    this.#names = []
    this.#counts = this.#clock = this.#health = this.#versions = null
    return told
  }

  #takeLatest(rows: readonly Latest[]): void {
    for (const row of rows) {
      const c = this.#number(row.device, row.property)
      const before = this.#at[c]
      if (before !== undefined && row.observed_at_ms < before) continue
      this.#gap[c] = before === undefined ? 0 : Math.max(row.observed_at_ms - before, this.#gap[c]! * 0.9)
      this.#value[c] = row.value
      this.#at[c] = row.observed_at_ms
      this.#changed.add(c)
    }
  }

  #number(device: string, property: string): number {
    let of = this.#of.get(device)
    if (!of) this.#of.set(device, (of = new Map()))
    let number = of.get(property)
    if (number === undefined) {
      of.set(property, (number = this.#value.length))
      this.#names.push([device, property])
      this.#value.push(0)
      this.#gap.push(0)
    }
    return number
  }

  #takeCounts(counts: Counts): void {
    this.#counts = counts
    this.#rates = [...this.#rates.slice(1 - KEPT_RATES), counts.rate_per_s]
  }

  #takeCommands(rows: readonly Command[]): void {
    for (const row of rows) this.#commands.set(row.id, row)
    if (this.#commands.size <= KEPT_COMMANDS) return
    const newest = [...this.#commands.values()].sort((a, b) => b.sent_at_ms - a.sent_at_ms).slice(0, KEPT_COMMANDS)
    this.#commands = new Map(newest.map((c) => [c.id, c]))
  }

  #inColumns({ totals, rate_per_s, flows }: Counts): CountsTold {
    const numbers = new Float64Array(4 * flows.length)
    flows.forEach((f, i) => numbers.set([f.received, f.admitted, f.refused, f.shed], 4 * i))
    if (flows.length === this.#flows.length && flows.every((f, i) => f.flow === this.#flows[i])) return { totals, rate_per_s, flows: null, numbers }
    this.#flows = flows.map((f) => f.flow)
    return { totals, rate_per_s, flows: this.#flows, numbers }
  }
}

/** What of a beat may be given away instead of copied. */
export const givenAway = (beat: Beat): ArrayBuffer[] =>
  [beat.channel, beat.value, beat.at, beat.gap, ...(beat.counts ? [beat.counts.numbers] : [])].map((one) => one.buffer as ArrayBuffer)
