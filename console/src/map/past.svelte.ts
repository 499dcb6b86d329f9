/**
 * The city at a moment that is past, as history holds it, and playing on from there.
 *
 * Theory of operation: a moment is asked of `/api/moment`, whole at first; going on from it by a little asks only what was heard
 * meanwhile (`after_ms`), and lays it over what is known. Any other step asks for the whole. At most one question is under way: while
 * it is, the last wish waits. What happened around, commands and alerts, comes from `/api/span`, once for each span.
 *
 * INVARIANTS
 * - `then` is what history answered for `then.at`, never a guess between two answers.
 * - Nothing plays while the tab is hidden, or beyond the end of the span.
 */

import { get, type Incident, type Latest } from '../city/api'
import { city, type Reading } from '../city/city.svelte'
import { alertedBy } from './alerted'
import type { Alerted, Then } from './points.svelte'
import { view } from './view.svelte'

export interface Ordered { at_ms: number; service: string; devices: number; because: string }
export interface Span { from_ms: number; until_ms: number; commands: Ordered[]; commands_in_all: number; alerts: Incident[] | null }
interface Moment { at_ms: number; since_ms: number; latest: (Latest & { doubted?: boolean })[]; left_out: number }

export const STEP_MS = 60_000
const DAY_MS = 86_400_000
const NEAR_MS = 3_600_000 // one more step of playing at its fastest
const BEAT_MS = 1_000

class Past {
  then = $state.raw<Then | null>(null)
  span = $state.raw<Span | null>(null)
  playing = $state(false)
  /** City minutes that one second of playing shows. */
  pace = $state(10)
  problem = $state<string | null>(null)
  /** Values shown that the city does not rely on: a mark covers them. */
  doubted = $state(0)
  leftOut = $state(0)

  #end = $state(0) // of the slider where the address names none: set when the past is entered, so that it does not move in use

  readonly on = $derived(view.at !== null)
  readonly until = $derived(view.until ?? Math.floor((this.#end || (city.cityNow ?? 0)) / STEP_MS) * STEP_MS)
  readonly from = $derived(view.from ?? this.until - DAY_MS)

  #members: ReadonlyMap<string, readonly string[]> = new Map()
  #busy = false
  #spanAsked = ''

  /** From now on the map shows this moment. */
  enter(at: number): void {
    this.#begin(at)
    view.show(Math.min(Math.max(at, this.from), this.until))
  }

  leave(): void {
    this.playing = false
    this.then = this.span = null
    this.problem = null
    this.#end = 0
    this.#spanAsked = ''
    if (view.at !== null) view.show(null)
  }

  /** See that what is shown is what is wished; called whenever the wish changed. */
  async follow(): Promise<void> {
    if (view.at === null || this.#busy) return
    this.#begin(view.at)
    if (view.at > this.until) view.show(this.until)
    this.#busy = true
    try {
      while (view.at !== null && this.then?.at !== view.at) await this.#ask(view.at)
      await this.#askSpan()
      this.problem = null
    } catch (error) {
      this.problem = (error as Error).message
      this.playing = false
      this.then = null
    } finally {
      this.#busy = false
    }
  }

  /** Play on until it is stopped; one step a second, and none before the last is shown. */
  play(): () => void {
    const timer = setInterval(() => {
      if (!this.playing || document.hidden || this.#busy || view.at === null) return
      const next = view.at + this.pace * 60_000
      if (next >= this.until) this.playing = false
      view.show(Math.min(next, this.until))
    }, BEAT_MS)
    return () => clearInterval(timer)
  }

  toggle(): void {
    if (view.at === null) return
    if (!this.playing && view.at >= this.until) view.show(this.from)
    this.playing = !this.playing
  }

  /** A moment longer ago than a day stands in the middle of its own day. */
  #begin(at: number): void {
    const now = city.cityNow ?? at
    this.#end ||= at < now - DAY_MS ? Math.min(now, at + DAY_MS / 2) : now
  }

  async #ask(at: number): Promise<void> {
    const before = this.then
    const near = before !== null && at > before.at && at - before.at <= NEAR_MS
    const answer = await get<Moment>(`/api/moment?at_ms=${at}${near ? `&after_ms=${before.at}` : ''}`)
    const readings = new Map<string, ReadonlyMap<string, Reading>>(near ? before.readings : [])
    const fresh = new Map<string, Map<string, Reading>>()
    for (const row of answer.latest) {
      let of = fresh.get(row.device)
      if (!of) fresh.set(row.device, (of = new Map(readings.get(row.device))))
      of.set(row.property, { value: row.value, at: row.observed_at_ms, gap: city.readings.get(row.device)?.get(row.property)?.gap ?? 0, doubted: row.doubted ?? false })
    }
    for (const [device, of] of fresh) readings.set(device, of)
    this.doubted = [...readings.values()].reduce((all, of) => all + [...of.values()].filter((r) => r.doubted).length, 0)
    this.leftOut = answer.left_out
    this.then = { at, readings, alerted: this.#alertedAt(at) }
  }

  async #askSpan(): Promise<void> {
    const asked = `from_ms=${this.from}&until_ms=${this.until}`
    if (asked === this.#spanAsked) return
    this.#spanAsked = asked
    this.span = await get<Span>(`/api/span?${asked}`)
    if (this.then) this.then = { ...this.then, alerted: this.#alertedAt(this.then.at) }
  }

  #alertedAt(at: number): ReadonlyMap<string, Alerted> {
    if (this.#members.size === 0 && city.place) this.#members = membersOf()
    return alertedBy((this.span?.alerts ?? []).filter((i) => i.began_at / 1000 <= at && at <= i.last_at / 1000), this.#members)
  }
}

/** group -> its devices */
export function membersOf(): ReadonlyMap<string, readonly string[]> {
  const members = new Map<string, string[]>()
  for (const device of city.place?.devices ?? []) {
    const of = members.get(device.group)
    if (of) of.push(device.id)
    else members.set(device.group, [device.id])
  }
  return members
}

export const past = new Past()
