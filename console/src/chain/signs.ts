/** The signs of the chain picture: how a flow is known, and what stands at its ends. */

export const KNOWN: { id: string; word: string; dash: string }[] = [
  { id: 'enforced', word: 'Enforced here', dash: '' },
  { id: 'imported', word: 'Observed by import', dash: '7 4' },
  { id: 'inferred', word: 'Inferred', dash: '2 4' },
  { id: 'not-observable', word: 'Not observable', dash: '1 7' },
]
export const DASH = new Map(KNOWN.map((k) => [k.id, k.dash]))
export const KINDS = { device: 'Device', system: 'System', party: 'Party' } as Record<string, string>
