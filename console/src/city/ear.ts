/**
 * Starts the worker that listens to the live feed, and hears what it tells.
 *
 * SECURITY: where the page's policy requires Trusted Types, the policy `cityward-live-worker` vouches for exactly one address, the
 * worker file of this build.
 */

import type { Beat } from './gathering'
import type { Asked, GAVE_UP } from './live.worker'
import workerUrl from './live.worker?worker&url'

interface Policy { createScriptURL(text: string): string }
interface Factory { createPolicy(name: string, rules: { createScriptURL: (text: string) => string }): Policy }

const WORKER = new URL(workerUrl, import.meta.url).href
const FEED = '/api/live?form=columns'

function vouch(text: string): string {
  if (text !== WORKER) throw new TypeError(`not the live feed's worker: ${text}`)
  return text
}

export class Ear {
  readonly #worker: Worker

  /** `gaveUp`: the browser will not try again by itself; `failed`: there is no worker to listen. */
  constructor(on: { beat: (beat: Beat) => void; gaveUp: () => void; failed: () => void }) {
    const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes
    const address = factory ? factory.createPolicy('cityward-live-worker', { createScriptURL: vouch }).createScriptURL(WORKER) : WORKER
    this.#worker = new Worker(address)
    this.#worker.onmessage = (e: MessageEvent<Beat | typeof GAVE_UP>) => (typeof e.data === 'string' ? on.gaveUp() : on.beat(e.data))
    this.#worker.onerror = () => on.failed()
    document.addEventListener('visibilitychange', () => this.#ask({ seen: !document.hidden }))
    if (document.hidden) this.#ask({ seen: false })
  }

  /** Listen, from now on or anew. */
  listen(): void {
    this.#ask({ listen: new URL(FEED, location.origin).href })
  }

  #ask(asked: Asked): void {
    this.#worker.postMessage(asked)
  }
}
