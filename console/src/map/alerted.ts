/** Which devices the open incidents are about. An incident names its first subjects only; what it does not name is drawn at no device. */

import type { Incident } from '../city/api'
import { SEVERITIES } from './conditions'
import type { Alerted } from './points.svelte'

/** By device; a subject that is a group stands for each of its members. `members`: group -> devices. */
export function alertedBy(incidents: readonly Pick<Incident, 'id' | 'severity' | 'first_subjects'>[], members: ReadonlyMap<string, readonly string[]>): Map<string, Alerted> {
  const found = new Map<string, { incidents: Set<string>; worst: number }>()
  for (const incident of incidents) {
    const rank = SEVERITIES.indexOf(incident.severity) + 1
    for (const subject of incident.first_subjects)
      for (const device of members.get(subject) ?? [subject]) {
        const one = found.get(device) ?? { incidents: new Set<string>(), worst: 0 }
        one.incidents.add(incident.id)
        one.worst = Math.max(one.worst, rank)
        found.set(device, one)
      }
  }
  return found
}
