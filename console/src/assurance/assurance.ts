/** The report as the door tells it (docs/report.md). Its words and results are shown as they are: none is made here. */

import { get } from '../city/api'

export type Result = 'failed' | 'unknown' | 'accepted' | 'stated' | 'proven' | 'not-applicable'

export interface Ground { cls: string; entry: string; line: string; said: string; at: string }
export interface Judged { finding: string; subject: string; result: Result; said: string; grounds: Ground[]; path: string[]; missing: string; mend: string }
export interface Control {
  id: string; title: string; severity: string; result: Result; why: string; supports: Record<string, string[]>; false_positives: string
  attestable: boolean; by_result: Record<string, number>; by_class: Record<string, number>; subjects: Judged[]
}
export interface Principle {
  id: string; name: string; group: string; ask: string; headline: string; human: string; to_state: string[]; controls: string[]
  by_result: Record<string, number>; by_class: Record<string, number>
}
export interface Report {
  place: string; name: string; declaration: string; at: string; version: string; warnings: string[]
  headlines: { id: string; title: string; value: string; how: string; detail: string[] }[]
  observability: Record<string, number>; by_result: Record<string, number>; principles: Principle[]; controls: Control[]
  missing: { what: string; settles: number; controls: string[] }[]
  logs: { log: string; entries: number; last: string }[]
}
export interface Entry { id: string; origin: string; kind: string; by: string; at: string; content: Record<string, unknown>; sha256: string; size: number; root: string }
export interface Statement { entry: string; control: string; subject: string; person: string; said: string; scope: string; word: string; until: string; stand: string; changed: boolean }
export interface Risks {
  threats: number; by_standing: Record<string, number>; drilled: number; more: number
  risks: { id: string; said: string; owner: string; until: string; why: string; entry: string; stale: boolean; lapsed: boolean }[]
  borne: { control: string; subject: string; owner: string; why: string; until: string; entry: string }[]
}
export interface Changed { finding: string; control: string; subject: string; before: string; after: string; said: string }
export interface NumberChanged { id: string; title: string; before: string; after: string }
export interface Changes {
  since: string | null; since_at: string; declaration_changed: boolean; headlines: NumberChanged[]; controls: NumberChanged[]
  worse: Changed[]; better: Changed[]; new: Changed[]; gone: Changed[]
}
export interface GivenTold { making: boolean; failed: string; given: { name: string; at: string; digest: string; fingerprint: string; files: Record<string, number> }[] }

/** The worst first: so a reader meets what does not hold before what does. */
export const RESULTS: Record<Result, string> = {
  failed: 'it does not hold; what to do stands with it',
  unknown: 'nobody knows; never a pass',
  accepted: 'it does not hold, and an owner bears that until an end',
  stated: 'somebody says so, and nothing that happened shows it',
  proven: 'an entry of the log shows it',
  'not-applicable': 'there is nothing here that it is about, for the reason given',
}
export const ORDER = Object.keys(RESULTS) as Result[]
export const CLASSES: Record<string, string> = {
  declared: 'a line of the declaration',
  observed: 'seen to happen',
  enforced: 'a gate made it so',
  tested: 'an exercise showed it',
  attested: 'a person signed a statement',
}

/** A result that this page does not know is shown as unknown: it is no pass. */
export const known = (result: string): Result => (result in RESULTS ? (result as Result) : 'unknown')

const AGAIN_MS = 3000

/** Ask until it is made: making takes the city seconds. `waits` is told each time that it is not there yet. */
export async function made<T extends object>(path: string, waits: () => boolean): Promise<T> {
  for (;;) {
    const answer = await get<T>(path)
    if (!('state' in answer && answer.state === 'being made')) return answer
    if (!waits()) throw new Error('left')
    await new Promise((done) => setTimeout(done, document.hidden ? 10 * AGAIN_MS : AGAIN_MS))
  }
}

export const counts = (by: Record<string, number>): string =>
  Object.entries(by).filter(([, n]) => n).map(([name, n]) => `${n} ${name}`).join(', ') || 'none'

export const traced = (entry: string): string => `cityward trace ${entry} --state STATE`
export const minute = (at: string): string => at.slice(0, 16).replace('T', ' ')
