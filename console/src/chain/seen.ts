/** Promise against reality: what was seen of each declared flow, and what was seen that nobody declared. See docs/api.md. */

export type SeenState = 'seen' | 'otherwise' | 'never seen' | 'not expected' | 'nobody looks'
export interface FlowSeen { flow: string; state: SeenState; why: string; count: number; last_ms: number | null; differences: string[] }
export interface Undeclared { from: string; to: string; count: number; last_ms: number | null; why: string; seen_at: string }
export interface SeenTold {
  from_ms: number | null
  until_ms: number | null
  sources: string[]
  notes: string[]
  flows: FlowSeen[]
  undeclared: Undeclared[]
  undeclared_in_all: number
  beyond: number
}

/** Each state has a sign of its own: a shape in the picture, a word in the list. */
export const STATES: Record<SeenState | 'undeclared', { word: string; tag: string; shape: string }> = {
  seen: { word: 'Declared and seen', tag: 'is-good', shape: 'M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0z' },
  otherwise: { word: 'Seen otherwise than declared', tag: 'is-bad', shape: 'M0-6.5 6 5H-6z' },
  'never seen': { word: 'Declared, never seen', tag: 'is-wait', shape: 'M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0z' },
  'not expected': { word: 'Not expected to be seen', tag: '', shape: 'M-5-1.4H5V1.4H-5z' },
  'nobody looks': { word: 'Nobody looks', tag: '', shape: 'M-4.5-4.5 4.5 4.5M4.5-4.5-4.5 4.5' },
  undeclared: { word: 'Seen, not declared', tag: 'is-bad', shape: 'M0-7 7 0 0 7-7 0z' },
}
export const STATE_ORDER = Object.keys(STATES) as (SeenState | 'undeclared')[]
