/** Where we are in the one page: the fragment of the address. */

/** Pages that read their own address: the parts behind the page's name, and what stands behind a `?`. */
export const ADDRESSED = ['datum', 'whatif', 'incidents', 'assurance', 'exercises', 'as', 'register'] as const
export type Addressed = (typeof ADDRESSED)[number]

export type Route =
  | { page: 'map'; query: URLSearchParams }
  | { page: Addressed; parts: string[]; query: URLSearchParams }
  | { page: 'chain'; node: string | null; query: URLSearchParams }
  | { page: 'reach'; about: string | null; id: string | null; answer: string | null; query: URLSearchParams }
  | { page: 'watch'; incident: string | null; contain: string | null }
  | { page: 'out'; about: string | null; id: string | null }
  | { page: 'services'; id: string | null }
  | { page: 'cameras'; about: string | null; id: string | null }
  | { page: 'me' }
  | { page: 'device'; id: string }
  | { page: 'lost' }

export function parse(hash: string): Route {
  const [path = '', ...asked] = hash.replace(/^#\/?/, '').split('?')
  const query = new URLSearchParams(asked.join('?'))
  const [page = '', ...rest] = path.split('/')
  const id = decode(rest.join('/'))
  if (page === '' && !id) return { page: 'map', query }
  const addressed = ADDRESSED.find((one) => one === page)
  if (addressed) return { page: addressed, parts: rest.map(decode).filter(Boolean), query }
  if (page === 'chain') return { page: 'chain', node: id || null, query }
  if (page === 'reach') {
    const [about = '', subject = '', ...answer] = rest.map(decode)
    return { page: 'reach', about: about || null, id: subject || null, answer: answer.join('/') || null, query }
  }
  if (page === 'watch') {
    const [what = '', ...which] = rest.map(decode)
    return { page: 'watch', incident: what === 'incident' ? which.join('/') || null : null, contain: what === 'contain' ? which.join('/') : null }
  }
  if (page === 'out') {
    const [about = '', ...which] = rest.map(decode)
    return { page: 'out', about: about || null, id: which.join('/') || null }
  }
  if (page === 'services') return { page: 'services', id: id || null }
  if (page === 'cameras') {
    const [about = '', ...which] = rest.map(decode)
    return { page: 'cameras', about: about || null, id: which.join('/') || null }
  }
  if (page === 'me') return { page: 'me' }
  if (page === 'device' && id) return { page: 'device', id }
  return { page: 'lost' }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

class Router {
  now = $state<Route>(parse(location.hash))

  constructor() {
    addEventListener('hashchange', () => (this.now = parse(location.hash)))
  }
}

export const router = new Router()

/** The address of a page, whole enough to be sent to somebody; what is empty is left out. */
export function link(page: Addressed | 'map', parts: string[] = [], query: Record<string, string | number | null | undefined> = {}): string {
  const asked = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined && value !== '') asked.set(name, String(value))
  const path = page === 'map' ? '' : [page, ...parts].map(encodeURIComponent).join('/')
  return `#/${path}${asked.size ? `?${asked}` : ''}`
}

export const deviceLink = (id: string): string => `#/device/${encodeURIComponent(id)}`
export const incidentLink = (id: string): string => `#/watch/incident/${encodeURIComponent(id)}`
export const containLink = (target = ''): string => `#/watch/contain/${encodeURIComponent(target)}`
export const outLink = (about?: 'dataset' | 'recipient' | 'book', id = ''): string => `#/out${about ? `/${about}/${encodeURIComponent(id)}` : ''}`
export const serviceLink = (id = ''): string => `#/services${id ? `/${encodeURIComponent(id)}` : ''}`
export const camerasLink = (about?: 'one' | 'viewed', id = ''): string => `#/cameras${about ? `/${about}${id ? `/${encodeURIComponent(id)}` : ''}` : ''}`
/** `since`: city ms. */
export const changesLink = (since: number | null = null): string => `#/reach/changes${since === null ? '' : `?since=${since}`}`
export const chainLink = (id = '', query: Record<string, string> = {}): string => {
  const asked = new URLSearchParams(Object.entries(query).filter(([, text]) => text !== ''))
  return `#/chain${id ? `/${encodeURIComponent(id)}` : ''}${asked.size ? `?${asked}` : ''}`
}

/** `answer` names one row of the answers: who/axis/kind/item/mode. */
export const reachLink = (about?: string | null, id?: string | null, answer?: string | null): string =>
  `#/reach${about && id ? `/${about}/${encodeURIComponent(id)}${answer ? `/${answer.split('/').map(encodeURIComponent).join('/')}` : ''}` : ''}`
