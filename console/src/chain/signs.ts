/** The signs of the chain picture: how a flow is known, and what stands at its ends. */

export const KNOWN: { id: string; word: string; dash: string }[] = [
  { id: 'enforced', word: 'Enforced here', dash: '' },
  { id: 'imported', word: 'Observed by import', dash: '7 4' },
  { id: 'inferred', word: 'Inferred', dash: '2 4' },
  { id: 'not-observable', word: 'Not observable', dash: '1 7' },
]
export const DASH = new Map(KNOWN.map((k) => [k.id, k.dash]))
export const KINDS = { device: 'Device', system: 'System', party: 'Party' } as Record<string, string>

/** What may befall a thing, as a mark of its own shape and colour: a what-if draws it on pictures, and words it in lists. */
export type Befalls = 'stopped' | 'falsified' | 'read'
export interface Mark { sign: Befalls; certain: boolean; said: string }
export const BEFALLS: Record<Befalls, { word: string; perhaps: string; path: string }> = {
  stopped: { word: 'Goes dark', perhaps: 'Perhaps goes dark', path: 'M2.5 2.5h11v11h-11zM5.3 5.3l5.4 5.4M10.7 5.3 5.3 10.7' },
  falsified: { word: 'Can be falsified, steered or stopped', perhaps: 'Perhaps can be falsified, steered or stopped', path: 'M8 1.8 14.8 13.8H1.2zM8 6v3.6M8 11.4v.6' },
  read: { word: 'Can be read', perhaps: 'Perhaps can be read', path: 'M1 8c3.6-5.6 10.4-5.6 14 0-3.6 5.6-10.4 5.6-14 0zM8 6.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6' },
}
