/**
 * Lets the map start its one worker where the page's policy requires Trusted Types.
 *
 * SECURITY: MapLibre hands the worker's address to `new Worker` as a string, which such a page refuses. The policy
 * `cityward-map-worker` vouches for exactly one address, the worker file of this build, and for nothing else; every other
 * string stays refused.
 */

import { setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'

interface Policy { createScriptURL(text: string): string }
interface Factory { createPolicy(name: string, rules: { createScriptURL: (text: string) => string }): Policy }

const WORKER = new URL(workerUrl, import.meta.url).href

function vouch(text: string): string {
  if (text !== WORKER) throw new TypeError(`not the map's worker: ${text}`)
  return text
}

let ready = false

/** Call once before the first map. */
export function prepareWorker(): void {
  if (ready) return
  ready = true
  setWorkerUrl(WORKER)
  const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes
  if (!factory) return
  const policy = factory.createPolicy('cityward-map-worker', { createScriptURL: vouch })
  const Plain = globalThis.Worker
  globalThis.Worker = class extends Plain {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(String(url) === WORKER ? policy.createScriptURL(WORKER) : url, options)
    }
  }
}
