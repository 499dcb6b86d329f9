/** What can be found, and how well it fits what is typed. Made of what this tab knows; nothing is asked while somebody types. */

import type { Incident, Subjects } from '../city/api'
import { city } from '../city/city.svelte'
import { chainLink, deviceLink, incidentLink, link, outLink, reachLink, serviceLink } from '../city/route.svelte'
import { GROUPS } from '../frame/pages'

export interface Entry { kind: string; id: string; name: string; note: string; href: string; text: string; plain: string }

/** What is asked for when the search is opened; null where it is not known or not for this person. */
export interface Asked { subjects: Subjects | null; recipients: readonly { recipient: string; party: string }[] }

export const SHOWN = 40

const entry = (kind: string, id: string, name: string, note: string, href: string): Entry => ({
  kind, id, name, note, href, plain: fold(name), text: fold(`${name} ${id} ${note} ${kind}`),
})

/** Without accents and in small letters: who looks for `Ysgol` or `Malmo` finds them however they are written. */
export const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** Everything that can be opened, in the order in which equals are told. */
export function everything(asked: Asked, incidents: readonly Incident[], may: (right: string) => boolean): Entry[] {
  const place = city.place
  const pages = GROUPS.flatMap((g) => g.pages).filter((p) => may(p.right)).map((p) => entry('Page', p.id, p.name, '', p.href))
  const extra = [entry('Page', 'me', 'You', 'roles, passkeys, sessions', '#/me')]
  const alerts = incidents.map((i) => entry('Incident', i.id, i.title, `${i.severity}, ${i.state}`, incidentLink(i.id)))
  const services = (place?.services ?? []).map((s) => entry('Service', s.id, s.name, s.kind, serviceLink(s.id)))
  const areas = (place?.areas ?? []).map((a) => entry('Area', a.id, a.name, '', link('map', [], { area: a.id })))
  const sending = new Set(place?.devices.flatMap((d) => [d.id, d.group]))
  const flows = (place?.flows ?? []).map((f) => entry('Flow', f.id, f.name, f.purpose.replaceAll('-', ' '), sending.has(f.from) ? link('map', [], { flow: f.id }) : chainLink(f.from)))
  const devices = (place?.devices ?? []).map((d) => entry('Device', d.id, d.name, city.areas.get(d.area ?? '') ?? '', deviceLink(d.id)))
  const recipients = asked.recipients.map((r) => entry('Recipient', r.recipient, r.recipient, `of ${r.party}`, outLink('recipient', r.recipient)))
  return [...pages, ...extra, ...alerts, ...services, ...areas, ...subjectsOf(asked.subjects), ...recipients, ...flows, ...devices]
}

function subjectsOf(subjects: Subjects | null): Entry[] {
  if (!subjects) return []
  const known = new Set(city.place?.devices.flatMap((d) => [d.id, d.group]))
  return [
    ...subjects.party.map((s) => entry('Party', s.id, s.name, 'who can reach', reachLink('party', s.id))),
    ...subjects.jurisdiction.map((s) => entry('Country', s.id, s.name, 'who can reach', reachLink('jurisdiction', s.id))),
    ...subjects.dataset.map((s) => entry('Dataset', s.id, s.name, 'who can reach', reachLink('dataset', s.id))),
    ...subjects.thing.filter((s) => !known.has(s.id)).map((s) => entry('System', s.id, s.name, 'where its data goes', chainLink(s.id))),
  ]
}

/** The best first. Every word must be found; a name that begins so comes before one that holds it. */
export function best(entries: readonly Entry[], wanted: string): { shown: Entry[]; inAll: number } {
  const asked = fold(wanted.trim())
  const words = asked.split(/\s+/).filter(Boolean)
  if (words.length === 0) return { shown: entries.filter((e) => e.kind === 'Page'), inAll: 0 }
  const ranks: Entry[][] = [[], [], [], []]
  let inAll = 0
  for (const e of entries) {
    if (!words.every((w) => e.text.includes(w))) continue
    inAll++
    const rank = e.plain === asked || e.id === asked ? 0 : e.plain.startsWith(asked) || e.id.startsWith(asked) ? 1 : words.every((w) => ` ${e.plain}`.includes(` ${w}`)) ? 2 : 3
    if (ranks[rank]!.length < SHOWN) ranks[rank]!.push(e)
  }
  return { shown: ranks.flat().slice(0, SHOWN), inAll }
}
