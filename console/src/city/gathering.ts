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

/** Values as the feed tells them: each channel by its number among those that `channels` named. */
interface ReadingsTold { at_ms: number; channel: number[]; value: number[]; ago_ms: number[] }
interface FlowsTold { totals: Counts['totals']; rate_per_s: number; flows?: string[]; numbers: number[] }

type Heard = Omit<CountsTold, 'flows'> & { names: string[] }

export class Gathering {
  #channels: [device: string, property: string][] = [] // by the feed's number
  #ours = new Int32Array() // by the feed's number: ours, -1 before its first reading
  readonly #of = new Map<string, Map<string, number>>()
  readonly #value: number[] = []
  readonly #at: number[] = []
  readonly #gap: number[] = []
  readonly #changed = new Set<number>()
  #names: [string, string][] = []
  #rates: number[] = []
  #commands = new Map<string, Command>()
  #counts: Heard | null = null
  #flows: string[] = [] // as the page knows them
  #heardFlows: string[] = [] // as the feed told them
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
    else if (event === 'channels') this.#takeChannels(data as [string, string][])
    else if (event === 'readings') this.#takeReadings(data as ReadingsTold)
    else if (event === 'counts') this.#takeCounts(data as Counts | FlowsTold)
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
    for (const row of rows) this.#takeOne(this.#number(row.device, row.property), row.value, row.observed_at_ms)
  }

  #takeReadings({ at_ms, channel, value, ago_ms }: ReadingsTold): void {
    for (let i = 0; i < channel.length; i++) {
      const n = channel[i]!
      const name = this.#channels[n]
      if (!name) continue // nobody said what it is: all is told anew soon
      if (this.#ours[n]! < 0) this.#ours[n] = this.#number(...name)
      this.#takeOne(this.#ours[n]!, value[i]!, at_ms - ago_ms[i]!)
    }
  }

  #takeChannels(channels: [string, string][]): void {
    this.#channels = channels
    this.#ours = new Int32Array(channels.length).fill(-1)
  }

  #takeOne(c: number, value: number, at: number): void {
    const before = this.#at[c]
    if (before !== undefined && at < before) return
    this.#gap[c] = before === undefined ? 0 : Math.max(at - before, this.#gap[c]! * 0.9)
    this.#value[c] = value
    this.#at[c] = at
    this.#changed.add(c)
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

  #takeCounts(counts: Counts | FlowsTold): void {
    this.#rates = [...this.#rates.slice(1 - KEPT_RATES), counts.rate_per_s]
    if ('numbers' in counts) {
      this.#heardFlows = counts.flows ?? this.#heardFlows
      if (counts.numbers.length !== 4 * this.#heardFlows.length) return // names were lost: all is told anew soon
      this.#counts = { totals: counts.totals, rate_per_s: counts.rate_per_s, names: this.#heardFlows, numbers: Float64Array.from(counts.numbers) }
      return
    }
    const numbers = counts.flows.flatMap((f) => [f.received, f.admitted, f.refused, f.shed])
    this.#counts = { totals: counts.totals, rate_per_s: counts.rate_per_s, names: counts.flows.map((f) => f.flow), numbers: Float64Array.from(numbers) }
  }

  #takeCommands(rows: readonly Command[]): void {
    for (const row of rows) this.#commands.set(row.id, row)
    if (this.#commands.size <= KEPT_COMMANDS) return
    const newest = [...this.#commands.values()].sort((a, b) => b.sent_at_ms - a.sent_at_ms).slice(0, KEPT_COMMANDS)
    this.#commands = new Map(newest.map((c) => [c.id, c]))
  }

  #inColumns({ names, ...told }: Heard): CountsTold {
    const same = names === this.#flows || (names.length === this.#flows.length && names.every((name, i) => name === this.#flows[i]))
    if (!same) this.#flows = names
    return { ...told, flows: same ? null : names }
  }
}

/** What of a beat may be given away instead of copied. */
export const givenAway = (beat: Beat): ArrayBuffer[] =>
  [beat.channel, beat.value, beat.at, beat.gap, ...(beat.counts ? [beat.counts.numbers] : [])].map((one) => one.buffer as ArrayBuffer)
