/** The console's pages: what each is called, the right it needs, and how its code is fetched. The rail and the title read the same table. */

import type { Route } from '../city/route.svelte'

export type PageId = Exclude<Route['page'], 'device' | 'lost' | 'me' | 'datum' | 'as'>

export interface PageEntry { id: PageId; href: string; name: string; right: string }
export interface PageGroup { name: string; pages: PageEntry[] }

export const GROUPS: PageGroup[] = [
  {
    name: 'City',
    pages: [
      { id: 'map', href: '#/', name: 'Map', right: 'look' },
      { id: 'services', href: '#/services', name: 'Services', right: 'look' },
      { id: 'cameras', href: '#/cameras', name: 'Cameras', right: 'look' },
      { id: 'register', href: '#/register', name: 'Add a device', right: 'devices' },
    ],
  },
  {
    name: 'Data',
    pages: [
      { id: 'chain', href: '#/chain', name: 'Where data goes', right: 'look' },
      { id: 'reach', href: '#/reach', name: 'Who can reach', right: 'look' },
      { id: 'whatif', href: '#/whatif', name: 'What if', right: 'look' },
      { id: 'out', href: '#/out', name: 'Data out', right: 'look' },
    ],
  },
  {
    name: 'Security',
    pages: [
      { id: 'watch', href: '#/watch', name: 'Alerts', right: 'watch' },
      { id: 'incidents', href: '#/incidents', name: 'Incidents', right: 'audit' },
      { id: 'assurance', href: '#/assurance', name: 'Assurance', right: 'audit' },
      { id: 'exercises', href: '#/exercises', name: 'Exercises', right: 'audit' },
    ],
  },
]

const OTHERS = { me: 'You', datum: 'Follow a datum', as: 'Show me as', lost: 'Not found' }

/** What the browser's tab says of where we are. */
export function titleOf(route: Route): string {
  if (route.page === 'device') return route.id
  if (route.page === 'me' || route.page === 'datum' || route.page === 'as' || route.page === 'lost') return OTHERS[route.page]
  const entry = GROUPS.flatMap((group) => group.pages).find((page) => page.id === route.page)
  return entry?.name ?? ''
}
