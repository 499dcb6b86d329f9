/** Whose incidents are and which wait, as the door tells it; and by what incidents stand together. Times city us. */

import type { Card, Incident, IncidentView, WatchView } from '../city/api'
import { city } from '../city/city.svelte'
import { plain } from '../city/words'

export interface Hand { incident: string; assigned_to: string; assigned_by: string; assigned_at: number; snoozed_until: number; snoozed_rank: number; snoozed_by: string; why: string }
/** Who answers for what an incident is about, by declaration and agreement. */
export interface Supplier { party: string; name: string; ties: string[]; agreements: string[] }
/** What the door adds to the list of incidents, and to one. */
export type Handed = WatchView & { hands?: Record<string, Hand>; waiting?: string[]; suppliers?: Record<string, Supplier[]> }
export type HandedOne = IncidentView & { hand?: Hand | null; waits?: boolean; people?: Record<string, string>; cards?: Card[]; now?: number }

export const BY = { supplier: 'Supplier', area: 'Area', kind: 'Kind' } as const
export type By = keyof typeof BY

/** The lanes that an incident stands in: one for each supplier that answers for it, else one. */
export function lanesOf(incident: Incident, by: By, view: Handed | null): string[] {
  if (by !== 'supplier') return [laneOf(incident, by)]
  const suppliers = view?.suppliers?.[incident.id] ?? []
  return suppliers.length ? suppliers.map((s) => s.name) : ['No supplier known']
}

/** What was agreed with who answers for a lane of incidents, by the agreements' ids. */
export function agreedIn(lane: string, incidents: Incident[], view: Handed | null): string[] {
  const those = incidents.flatMap((i) => view?.suppliers?.[i.id] ?? []).filter((s) => s.name === lane)
  return [...new Set(those.flatMap((s) => s.agreements))].sort()
}

function laneOf(incident: Incident, by: By): string {
  if (by === 'kind') return plain(incident.kinds[0]?.replace('/', ': ') ?? 'unknown')
  const area = incident.first_subjects.map((id) => city.devices.get(id)?.area).find((a) => a)
  return city.place?.areas.find((a) => a.id === area)?.name ?? 'No known area'
}
