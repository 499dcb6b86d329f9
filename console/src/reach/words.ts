/** What reach says, in the words of docs/reach.md. */

import type { About, Verdict } from '../city/api'

export const ABOUT: Record<About, { noun: string; asks: string }> = {
  dataset: { noun: 'kind of data', asks: 'Who can reach' },
  party: { noun: 'party', asks: 'What is within reach of' },
  jurisdiction: { noun: 'jurisdiction', asks: 'What is within reach of' },
  service: { noun: 'service', asks: 'Who can command or mislead' },
  thing: { noun: 'system or device', asks: 'Who can reach' },
}

export const VERDICTS: { id: Verdict; word: string; means: string }[] = [
  { id: 'reachable', word: 'Reachable', means: 'It follows from what is declared.' },
  { id: 'unknown', word: 'Unknown', means: 'It may be so: a fact is missing. Never to be taken for a no.' },
  { id: 'access without instrument', word: 'Access without instrument', means: 'Parties or places there have access; no declared law would compel them.' },
  { id: 'compellable without access', word: 'Compellable without access', means: 'A declared law addresses somebody near it, who has no access.' },
]

export const AXIS: Record<string, string> = { party: 'jurisdiction, over parties', place: 'jurisdiction, over places' }

export const DONE: Record<string, string> = {
  read: 'read', write: 'falsify', command: 'command', update: 'update', physical: 'lay hands on', stop: 'stop', mislead: 'mislead',
}
