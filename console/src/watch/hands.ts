/** Whose incidents are and which wait, as the door tells it; and by what incidents stand together. Times city us. */

import type { Card, Incident, IncidentView, WatchView } from '../city/api'
import { city } from '../city/city.svelte'
import { plain } from '../city/words'

export interface Hand { incident: string; assigned_to: string; assigned_by: string; assigned_at: number; snoozed_until: number; snoozed_rank: number; snoozed_by: string; why: string }
/** What the door adds to the list of incidents, and to one. */
export type Handed = WatchView & { hands?: Record<string, Hand>; waiting?: string[] }
export type HandedOne = IncidentView & { hand?: Hand | null; waits?: boolean; people?: Record<string, string>; cards?: Card[]; now?: number }

export const BY = { supplier: 'Supplier', area: 'Area', kind: 'Kind' } as const
export type By = keyof typeof BY

/** The lane that an incident stands in. */
export function laneOf(incident: Incident, by: By): string {
  if (by === 'kind') return plain(incident.kinds[0]?.replace('/', ': ') ?? 'unknown')
  if (by === 'supplier') return /^(maker|owner|operator):/.test(incident.shared) ? incident.shared.replace(/^\w+:/, '') : 'No one supplier'
  const area = incident.first_subjects.map((id) => city.devices.get(id)?.area).find((a) => a)
  return city.place?.areas.find((a) => a.id === area)?.name ?? 'No known area'
}
