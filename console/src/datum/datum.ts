/** What the door tells of one datum's way; see docs/api.md. */

import type { Chain } from '../city/api'

export type Known = 'proven' | 'declared' | 'not observable' | 'withheld'

export interface Stop {
  id: string
  name: string
  kind: 'device' | 'system' | 'party'
  party: string
  party_name: string
  land: string
  land_name: string
  stands_in: string
  ours: boolean
}
export interface Entry { id: string; at_ms: number; words: string; command: string }
export interface Hop {
  step: number
  flow: string
  title: string
  from: Stop
  to: Stop
  carries: 'itself' | 'possibly' | 'made of it'
  datasets: { dataset: string; name: string; days: number | null; personal: boolean }[]
  purpose: string
  protocol: string
  protection: string
  observability: string
  agreement: string
  where: string
  known: Known
  why: string
  at_ms: number | null
  entries: Entry[]
  entries_more: number
}
export interface Last { stop: Stop; flows: string[]; known: Known; behind: string }
export interface Followed {
  device: string
  property: string
  observed_at_ms: number | null
  received_at_ms: number | null
  value: number | null
  hops: Hop[]
  last: Last[]
  sentence: string
  sight: string
  digest: string
  command: string
}
export interface Datum { way: Followed; picture: Chain }

export const KNOWN: Record<Known, { word: string; means: string; tag: string }> = {
  proven: { word: 'On record', means: 'An entry of the evidence says so.', tag: 'is-good' },
  declared: { word: 'Declared only', means: 'It may go there. Nothing on record says that this one did.', tag: 'is-wait' },
  'not observable': { word: 'Not observable', means: 'It does not pass through the city: nobody here can see it.', tag: 'is-bad' },
  withheld: { word: 'Not yours to see', means: 'Records are for whoever holds the right audit.', tag: '' },
}
export const ORDER: Known[] = ['proven', 'declared', 'not observable', 'withheld']

export const CARRIES = { itself: '', possibly: 'Possibly: it leaves in data whose properties nobody has named.', 'made of it': 'Not itself: what is made of it.' }

/** The country of a party, and where its thing stands, in words. */
export function country(stop: Stop): string {
  const known = stop.land && stop.land !== 'unknown'
  const land = known ? (stop.land_name && stop.land_name !== stop.land.toLowerCase() ? `${stop.land_name} (${stop.land})` : stop.land) : 'country not known'
  if (!stop.stands_in || stop.stands_in === stop.land) return land
  return `${land}, stands in ${stop.stands_in === 'unknown' ? 'a place nobody has named' : stop.stands_in}`
}

/** How long a dataset is kept, in words. */
export const kept = (days: number | null): string => (days === null ? 'nobody has said how long it is kept' : days === 0 ? 'not kept' : `kept ${days} days`)
