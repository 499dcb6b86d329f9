/**
 * An answer that a page keeps: asked for anew when the feed says that it moved, and now and then for what no token tells.
 *
 * While the feed is not heard nobody says what moved: then it is asked for each time, as often as it is looked at.
 */

import type { Versions } from './api'
import { city } from './city.svelte'

const LATEST_MS = 300_000
const SPREAD_MS = 3_000 // what concerns everybody is not to be asked for by everybody at once

export class Kept {
  readonly #name: keyof Versions
  #askedAt = -Infinity
  #with: string | undefined
  #dueAt = Infinity

  constructor(name: keyof Versions) {
    this.#name = name
  }

  /** Before it is asked for, whoever asks. */
  asked(): void {
    this.#askedAt = performance.now()
    this.#with = city.link === 'live' ? city.versions[this.#name] : undefined
    this.#dueAt = Infinity
  }

  /** It was not answered: it is due again at the next look, and not when the token moves. */
  failed(): void {
    this.#askedAt = -Infinity
  }

  /** Whether it is to be asked for now; called every few seconds. */
  due(): boolean {
    if (document.hidden || city.link === 'signed-out') return false
    const now = performance.now()
    const token = city.link === 'live' ? city.versions[this.#name] : undefined
    if (token === undefined || now - this.#askedAt >= LATEST_MS) return true
    if (token === this.#with) return false
    if (this.#dueAt === Infinity) this.#dueAt = now + Math.random() * SPREAD_MS
    return now >= this.#dueAt
  }
}
