/**
 * Listens to the live feed for the page, on a thread of its own, and tells the page once a second what changed.
 *
 * Theory of operation: the feed speaks once a second, all of its events at a time. A beat follows its first event by `GATHER_MS`; where
 * nothing comes, a beat comes all the same, as the page's clock goes on. While the page is hidden nothing is told; what is gathered
 * meanwhile is told when it is seen again, at once.
 */

import { Gathering, givenAway } from './gathering'

/** From the page: listen (anew), and whether it is seen. To the page: a `Beat`, or that the browser gave up on the feed. */
export type Asked = { listen: string } | { seen: boolean }
export const GAVE_UP = 'gave-up'

const PAUSE_MS = 950 // the feed's second is not always one: a little less, so that no beat waits for the next
const GATHER_MS = 10
const LATEST_MS = 1_050
const EVENTS = ['counts', 'channels', 'readings', 'latest', 'commands', 'clock', 'health', 'versions']

const gathering = new Gathering()
let source: EventSource | null = null
let seen = true
let toldAt = -Infinity
let timer: ReturnType<typeof setTimeout> | undefined
let dueAt = Infinity

function tell(): void {
  clearTimeout(timer)
  dueAt = Infinity
  if (!seen) return
  toldAt = performance.now()
  const beat = gathering.beat()
  self.postMessage(beat, { transfer: givenAway(beat) })
  within(LATEST_MS)
}

/** Tell in so long, or sooner where that was said before. */
function within(ms: number): void {
  const at = performance.now() + ms
  if (at >= dueAt) return
  clearTimeout(timer)
  dueAt = at
  timer = setTimeout(tell, ms)
}

function listen(address: string): void {
  source?.close()
  const mine = (source = new EventSource(address))
  for (const event of EVENTS)
    mine.addEventListener(event, (e: MessageEvent<string>) => {
      gathering.take(event, e.data, Date.now())
      if (performance.now() - toldAt >= PAUSE_MS) within(GATHER_MS)
    })
  mine.onerror = () => {
    gathering.broken = true
    within(GATHER_MS)
    if (mine.readyState === EventSource.CLOSED) self.postMessage(GAVE_UP)
  }
}

self.onmessage = (e: MessageEvent<Asked>) => {
  if ('listen' in e.data) return listen(e.data.listen)
  seen = e.data.seen
  if (seen) tell()
}
