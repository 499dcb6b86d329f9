/** What a device on the map may be, the worst first: the order of this list is the rank, and the number that the map's columns hold. */

import type { Condition } from '../city/city.svelte'
import type { Severity } from '../city/api'

export const CONDITIONS: readonly { id: Condition; word: string; why: string }[] = [
  { id: 'refused', word: 'Refused', why: 'Something it sent was refused within the last hour of city time.' },
  { id: 'stale', word: 'Stale', why: 'Silent for more than two hours of city time, and four times its usual gap.' },
  { id: 'unheard', word: 'Not heard', why: 'Nothing admitted from it yet.' },
  { id: 'fresh', word: 'Fresh', why: 'Heard within two hours of city time, or four times its usual gap.' },
  { id: 'inactive', word: 'Inactive', why: 'Declared as planned, in maintenance, stored, revoked, stolen or retired.' },
  { id: 'elsewhere', word: 'Elsewhere', why: 'Speaks to another system than this platform, or to none: Cityward does not hear it.' },
]

export const RANK = Object.fromEntries(CONDITIONS.map((c, rank) => [c.id, rank])) as Record<Condition, number>
export const isCondition = (text: string): text is Condition => Object.hasOwn(RANK, text)

/** Mildest first: its place in the list, and one, is the number that the map's columns hold; 0 is none. */
export const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'critical']
