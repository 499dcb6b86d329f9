/** What the door says of a what-if, and what follows from it for an hour. The door decides; nothing is judged here. */

import { get, Unanswered, type Chain, type Device, type Position } from '../city/api'
import { BEFALLS, type Befalls, type Mark } from '../chain/signs'

/** GET, with words for who has to wait: the city works on one such question at a time, and keeps what it found. */
export async function asked<T>(path: string, signal?: AbortSignal): Promise<T> {
  try {
    return await get<T>(path, signal)
  } catch (error) {
    if (error instanceof Unanswered && error.status === 503) throw new Unanswered(503, 'The city is working on other questions. Ask again in a moment.')
    if (error instanceof Unanswered && error.status === 0) throw new Unanswered(0, 'No answer yet. The city goes on working it out: ask again in a moment.')
    throw error
  }
}

export type Kind = 'party' | 'jurisdiction' | 'site'
export type How = 'dark' | 'hostile' | 'sanctioned' | 'cut'

export interface Askable { id: string; name: string; beside: string; operator: string | null }
/** Where somebody who does not know whom to ask about begins: those that most hangs on. */
export interface First { kind: Kind; id: string; name: string; how: How; things: number }
export type Askables = Record<Kind, Askable[]> & { ways: Record<Kind, How[]>; first: First[] }

export interface Item { kind: string; id: string; name: string; mode: string; certain: boolean }
export interface Line { text: string; where: string }
export interface Doing { mode: string; verb: string; items: Item[]; more: number; certain: number; about_people: number }
export interface Effect {
  function: string
  name: string
  essential: boolean
  certain: boolean
  degrades_h: number
  fails_h: number
  when: string
  people: string
  affected: number
  cause: Line[]
  fail_safe: string
  missing: string[]
  begins: Item | null
}
export interface Astray { function: string; name: string; essential: boolean; certain: boolean; through: Item[]; people: string; affected: number; where: string[]; missing: string[] }
export interface Fall { kind: string; id: string; name: string; hours: number; certain: boolean }
export interface Moment { hours: number; dark: number; degraded: number; failed: number; affected: number; people: string }
export interface Answer {
  axis: '' | 'party' | 'place'
  axis_said: string
  said: string
  doings: Doing[]
  astray: Astray[]
  effects: Effect[]
  fallen: Fall[]
  more_fallen: number
  flows_cut: { flow: string; name: string; where: string; certain: boolean }[]
  parts: { title: string; lines: Line[] }[]
  missing: { where: string; functions: string[] }[]
  affected: number
  possible_affected: number
  of: number
  people: string
  possible_people: string
  moments: Moment[]
}
export interface WhatIf { how: How; kind: Kind; id: string; name: string; day: string; digest: string; answers: Answer[] }

export interface Standing { read: number; falsified: number; moved: number; astray: number; failing: number; people: number; possible: number }
export interface Lesser { told: string; where: string; effort: number; effort_said: string; loses: string; after: Standing; spared: string[] }
export interface Lessened {
  before: Standing
  steps: Lesser[]
  tried: number
  untried: number
  contained: { target: string; units: number; services: string[]; costs: string; after: Standing; unknown: number } | null
}

export interface ToldStep { text: string; where: string[]; missing: string | null }
export interface Finding { rule: string; name: string; weight: string; certain: boolean; subject: string; subject_name: string; where: string; facts: { text: string; where: string[] }[]; why: ToldStep[]; missing: string[] }
export interface Group { who: string; sentence: string; certain: boolean; brought: boolean; under_law: boolean; count: number; why: ToldStep[] }
export interface Signing {
  verdict: string
  inputs: { base: string; overlay: string; rules: string; day: string }
  added: string[]
  replaced: string[]
  removed: string[]
  facts: { path: string; before: string | null; after: string | null; where_before: string | null; where_after: string | null; source: string | null }[]
  broken: Finding[]
  possibly: Finding[]
  notes: Finding[]
  repaired: string[]
  conditions: { told: string; where: string }[]
  search: string
  tried: number
  accept: string[]
  refused: string[]
  find_out: string[]
  new: Group[]
  gone: Group[]
  new_certain: number
  new_possible: number
  gone_certain: number
  gone_possible: number
  citizens: { affected: number; of: number }
}
export type Word = 'may' | 'may-if' | 'not-known' | 'may-not' | 'not-read'
export interface Signed { word: Word; said: string; report: Signing | null; mistakes: { what: string; where: string; mend: string }[] }

export const KINDS: Record<Kind, { noun: string; many: string }> = {
  party: { noun: 'Supplier or other party', many: 'parties' },
  jurisdiction: { noun: 'Jurisdiction', many: 'jurisdictions' },
  site: { noun: 'Site', many: 'sites' },
}

export const HOWS: Record<How, { word: string; means: Record<Kind, string> }> = {
  dark: { word: 'Dark', means: { party: 'It stops, with those it controls.', jurisdiction: 'Its parties stop; and, apart, what lies there.', site: 'It stops, with what stands there.' } },
  hostile: { word: 'Hostile', means: { party: 'It turns against the city with all it has.', jurisdiction: 'It turns its laws against the city.', site: 'A site cannot turn; who operates it can.' } },
  sanctioned: { word: 'Sanctioned', means: { party: 'It may no longer be dealt with.', jurisdiction: 'Its parties may no longer be dealt with.', site: 'A site cannot be sanctioned; who operates it can.' } },
  cut: { word: 'Cut off', means: { party: 'Nobody reaches what it runs.', jurisdiction: 'Nothing passes its border.', site: 'Nothing reaches it, nothing leaves it.' } },
}

export const WORDS: Record<Word, { word: string; tone: string }> = {
  may: { word: 'May be signed', tone: 'is-good' },
  'may-if': { word: 'May be signed under conditions', tone: 'is-wait' },
  'not-known': { word: 'Cannot be known yet', tone: 'is-wait' },
  'may-not': { word: 'May not be signed', tone: 'is-bad' },
  'not-read': { word: 'Cannot be read', tone: 'is-bad' },
}

/** 0 -> at once, 4 -> after 4 h, 96 -> after 4 days */
export function hours(number: number): string {
  if (number === 0) return 'at once'
  if (number < 1) return `after ${Math.max(1, Math.round(number * 60))} min`
  return number < 48 ? `after ${trim(number)} h` : `after ${trim(number / 24)} days`
}
const trim = (number: number): string => number.toLocaleString('en-GB', { maximumFractionDigits: 1 })

const USUAL = [0, 1, 4, 24, 72]
/** The hours that can be chosen: the usual ones, and each at which something changes. */
export function stopsOf(answer: Answer): number[] {
  return [...new Set([...USUAL, ...answer.moments.map((m) => m.hours)])].sort((a, b) => a - b)
}

/** How things stand at an hour. */
export const momentAt = (answer: Answer, hour: number): Moment => answer.moments.findLast((m) => m.hours <= hour) ?? answer.moments[0]!

const BY_HAND = new Set(['write', 'command', 'update', 'physical'])
const RANK: Befalls[] = ['falsified', 'stopped', 'read']

/**
 * Thing -> what befalls it at an hour: the worst that is certain, else the worst that is possible. What somebody hostile has in
 * hand is marked so, whether they stop it or not; what stands beyond their hand is marked from the hour at which it goes dark.
 */
export function marksAt(answer: Answer, hour: number): Map<string, Mark> {
  const marks = new Map<string, Mark>()
  const put = (id: string, sign: Befalls, certain: boolean): void => {
    const known = marks.get(id)
    const better = !known || (certain && !known.certain) || (certain === known.certain && RANK.indexOf(sign) < RANK.indexOf(known.sign))
    if (better) marks.set(id, { sign, certain, said: certain ? BEFALLS[sign].word : BEFALLS[sign].perhaps })
  }
  for (const doing of answer.doings)
    for (const item of doing.items) {
      if (item.kind === 'thing' && BY_HAND.has(doing.mode)) put(item.id, 'falsified', item.certain)
      if (item.kind === 'thing' && doing.mode === 'read') put(item.id, 'read', item.certain)
    }
  for (const one of answer.fallen) if (one.hours <= hour) put(one.id, 'stopped', one.certain)
  return marks
}

/** The flows that carry nothing at an hour: cut for certain, or with an end that is dark for certain. */
export function silentAt(answer: Answer, hour: number, chain: Chain | null): Set<string> {
  const dark = new Set(answer.fallen.filter((f) => f.certain && f.hours <= hour).map((f) => f.id))
  const cut = answer.flows_cut.filter((f) => f.certain).map((f) => f.flow)
  const ended = (chain?.edges ?? []).filter((e) => dark.has(e.from) || dark.has(e.to)).map((e) => e.flow)
  return new Set([...cut, ...ended])
}

/** One row for each thing that something befalls, with all that does: what the pictures show, as a list. */
export interface Row { id: string; kind: string; name: string; dark: number | null; certain: boolean; can: string }
export function rowsOf(answer: Answer): Row[] {
  const can = new Map<string, { name: string; kind: string; sure: string[]; perhaps: string[] }>()
  for (const doing of answer.doings)
    for (const item of doing.items) {
      if (item.kind !== 'thing') continue
      const known = can.get(item.id) ?? { name: item.name, kind: 'thing', sure: [], perhaps: [] }
      ;(item.certain ? known.sure : known.perhaps).push(doing.verb)
      can.set(item.id, known)
    }
  const rows: Row[] = answer.fallen.map((f) => ({ id: f.id, kind: f.kind, name: f.name, dark: f.hours, certain: f.certain, can: words(can.get(f.id)) }))
  const told = new Set(rows.map((r) => r.id))
  for (const [id, one] of can) if (!told.has(id)) rows.push({ id, kind: one.kind, name: one.name, dark: null, certain: one.sure.length > 0, can: words(one) })
  return rows.sort((a, b) => Number(b.certain) - Number(a.certain) || (a.dark ?? Infinity) - (b.dark ?? Infinity))
}
function words(one: { sure: string[]; perhaps: string[] } | undefined): string {
  if (!one) return ''
  const sure = one.sure.join(', ')
  return one.perhaps.length ? `${sure}${sure ? '; ' : ''}perhaps ${one.perhaps.join(', ')}` : sure
}

export interface Spot { id: string; name: string; at: Position; mark: Mark; units: Position[] }
/** What can stand on a map: device groups in the middle of their units. */
export function spotsOf(devices: Device[], marks: Map<string, Mark>): Spot[] {
  const groups = new Map<string, { name: string; units: Position[]; mark: Mark }>()
  for (const device of devices) {
    const mark = marks.get(device.id) ?? marks.get(device.group)
    if (!mark || !device.position) continue
    const known = groups.get(device.group) ?? { name: device.name.replace(/ \d+$/, ''), units: [], mark }
    known.units.push(device.position)
    groups.set(device.group, known)
  }
  return [...groups].map(([id, one]) => ({ id, ...one, at: middle(one.units) }))
}
function middle(units: Position[]): Position {
  const sum = units.reduce((a, b) => [a[0] + b[0], a[1] + b[1]], [0, 0])
  const mean: Position = [sum[0] / units.length, sum[1] / units.length]
  const far = (p: Position): number => Math.hypot(p[0] - mean[0], p[1] - mean[1])
  return units.reduce((a, b) => (far(b) < far(a) ? b : a)) // where one of them stands, not in the water between
}

/** The command that answers the same. */
export function commandOf(kind: Kind, id: string, how: How): string {
  const plain = /^[a-z0-9-]+$/.test(id) ? id : `'${id.replaceAll("'", `'\\''`)}'`
  return `cityward whatif PLACE --${how} ${kind}:${plain} --json`
}

/** Texts of files are shown without characters that drive or turn the line. */
// eslint-disable-next-line no-control-regex
export const shown = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
