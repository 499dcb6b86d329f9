/** Which devices the map, its legend and its lists show. One filter for all of them, kept in the address. */

import type { Device } from '../city/api'
import { city, type Condition } from '../city/city.svelte'
import { isCondition } from './conditions'

/** What is empty or null asks for nothing. `service`, `area`, `flow` are ids; `alerts`: only devices with open alerts. */
export interface Filter { service: string | null; area: string | null; flow: string | null; states: Condition[]; alerts: boolean }

export const EVERYTHING: Filter = { service: null, area: null, flow: null, states: [], alerts: false }

export function filterOf(query: URLSearchParams): Filter {
  return {
    service: query.get('service'),
    area: query.get('area'),
    flow: query.get('flow'),
    states: (query.get('state') ?? '').split(',').filter(isCondition),
    alerts: query.get('alerts') === 'yes',
  }
}

export const asked = (f: Filter): Record<string, string | null> => ({
  service: f.service,
  area: f.area,
  flow: f.flow,
  state: f.states.join(',') || null,
  alerts: f.alerts ? 'yes' : null,
})

export const isEverything = (f: Filter): boolean => !f.service && !f.area && !f.flow && !f.alerts && f.states.length === 0

/** Whether a device is meant, whatever its condition. `worst`: of its alerts, 0 none. */
export function passes(f: Filter, device: Device, worst: number): boolean {
  if (f.area && device.area !== f.area) return false
  if (f.flow && city.flowOf(device) !== f.flow) return false
  if (f.alerts && worst === 0) return false
  return !f.service || servedBy(f.service).has(device.group) || servedBy(f.service).has(device.id)
}

const NOBODY: ReadonlySet<string> = new Set()
let known: { place: unknown; of: Map<string, ReadonlySet<string>> } = { place: null, of: new Map() }

/** The devices and groups that a service moves or reads. */
function servedBy(service: string): ReadonlySet<string> {
  if (known.place !== city.place) {
    known = { place: city.place, of: new Map((city.place?.services ?? []).map((s) => [s.id, new Set([...s.actuators, ...s.sources])])) }
  }
  return known.of.get(service) ?? NOBODY
}

/** The filter in words, for whoever does not see the controls. */
export function inWords(f: Filter, wordOf: (c: Condition) => string): string {
  const service = city.place?.services.find((s) => s.id === f.service)?.name
  const parts = [
    f.service && `of ${service ?? f.service}`,
    f.area && `in ${city.areas.get(f.area) ?? f.area}`,
    f.flow && `of the flow ${city.flows.get(f.flow)?.name ?? f.flow}`,
    f.alerts && 'with open alerts',
    f.states.length > 0 && f.states.map((s) => wordOf(s).toLowerCase()).join(' or '),
  ].filter(Boolean)
  return parts.join(', ')
}
