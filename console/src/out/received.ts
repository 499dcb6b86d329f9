/** What the web door tells of what left: the shapes of its answers (docs/api.md), and how to ask. Times are ISO 8601, UTC, of the city. */
import { get as got } from '../city/api'
import { learn, named, type Names } from './names.svelte'

/** A recipient: triggered = sent + queued + shed, in rows; refused: requests. `lanes`: may it have this now; else why not. */
export interface Recipient {
  recipient: string
  party: string
  /** Jurisdictions with power over the party now: for certain, and possibly. */
  law: string[]
  possibly: string[]
  by: 'query' | 'live' | 'webhook' | 'export'
  to: string
  state: string
  flows: string[]
  triggered: number
  sent: number
  queued: number
  shed: number
  withheld: number
  refused: number
  last_sent_at: string
  lanes: { dataset: string; purpose: string; answer: string }[]
}
export interface Line {
  recipient: string
  party: string
  dataset: string
  purpose: string
  flow: string
  agreement: string
  form: Record<string, string>
  rows: number
  receipts: number
  first_day: string
  last_day: string
  law: string[]
  possibly: string[]
}
export interface Refused { at: string; recipient: string; dataset: string; purpose: string; source: string; reasons: string; count: string; record: string }
export interface Statement extends Names { about: string; since: string; until: string; rows: number; lines: Line[] }
export interface Receipt {
  receipt: string
  recipient: string
  party: string
  dataset: string
  purpose: string
  flow: string
  agreement: string
  way: string
  at: string
  since: string
  until: string
  rows: number
  devices: number
  digest: string
  form: Record<string, string>
  rules: string
  state: 'queued' | 'delivered' | 'shed'
  tries: number
  reason: string
}

const asked = (fields: Record<string, string | null | undefined>): string =>
  Object.entries(fields)
    .filter(([, text]) => text)
    .map(([name, text]) => `${name}=${encodeURIComponent(text!)}`)
    .join('&')

const get = async <Answer extends Names>(path: string): Promise<Answer> => learn(await got<Answer>(path))

export const recipients = (): Promise<Names & { recipients: Recipient[] }> => get('/api/received/recipients')
export const receipts = (of: { dataset?: string | null; recipient?: string | null; after?: string }): Promise<Names & { receipts: Receipt[]; next: string }> =>
  get(`/api/received/receipts?${asked(of)}`)
/** Of one recipient, or of everybody: of people (`person:ada`) and of who is not known as well. */
export const refusals = (recipient?: string): Promise<Names & { refusals: Refused[] }> => get(`/api/received/refusals?${asked({ recipient })}`)
export const statement = (of: { recipient?: string; dataset?: string; month?: string }): Promise<Statement> => get(`/api/received/statement?${asked(of)}`)

/** The form in words; nothing asked for is nothing changed. */
export const formWords = (form: Record<string, string>): string => Object.values(form).join('; ') || 'as it is held'
/** What for, in words. */
export const purposeWords = (purpose: string): string => (purpose ? named('purpose', purpose) : 'no purpose')
/** By which agreement, in words. */
export const agreementWords = (agreement: string): string => (agreement ? named('agreement', agreement) : 'no agreement')
/** Countries and blocs by name. */
export const lands = (ids: string[]): string => ids.map((id) => named('jurisdiction', id)).join(', ')
/** Who tried, in words. */
export const triedBy = (of: Refused): string => (of.recipient.startsWith('person:') ? of.recipient.slice(7) || 'somebody who wanted to sign in' : of.recipient ? named('recipient', of.recipient) : 'nobody known')
/** What they tried to get, in words. */
export const triedFor = (of: Refused): string => (of.dataset ? `${named('dataset', of.dataset)} for ${purposeWords(of.purpose)}` : of.recipient.startsWith('person:') ? 'the console' : '')
/** The law a party stands under, in words. */
export function lawWords(of: { law: string[]; possibly: string[] }): string {
  const certain = lands(of.law) || 'none is known for certain'
  return of.possibly.length ? `${certain}; possibly ${lands(of.possibly)}` : certain
}
/** What it may have now, and what its flows carry all the same. */
export const datasetsOf = (of: Recipient): string[] => byName('dataset', [...new Set(of.lanes.map((lane) => lane.dataset))])
/** Ids, in the order of their names. */
export const byName = (kind: Parameters<typeof named>[0], ids: string[]): string[] => ids.sort((a, b) => named(kind, a).localeCompare(named(kind, b)))
/** 2026-11-22T15:04:05Z -> as a column of times shows it; city time, UTC. */
export const when = (iso: string): string => iso.replace('T', ' ').replace(/(\.\d+)?(Z|\+00:00)$/, '')
export const WAYS = { query: 'asks over HTTP', live: 'listens to its own subject', webhook: 'is called', export: 'gets files' }
