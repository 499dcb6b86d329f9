/**
 * The newest reading of every channel, as columns: what comes once a second is written in place, and nothing is made of it before
 * somebody looks.
 *
 * A device has a slot from its first reading on; slots and channels never change their numbers.
 *
 * INVARIANT: a beat takes time by what changed; memory is one entry for each channel.
 */

import type { Beat } from './gathering'

export interface Reading { value: number; at: number; gap: number; doubted?: boolean }

const NONE = -1
const room = (length: number): number => Math.max(1024, 2 * length)

export class Readings {
  /** By slot: the device's id. */
  readonly devices: string[] = []
  readonly #slotOf = new Map<string, number>()
  readonly #property: string[] = [] // by channel, as are value, at, gap, device, next
  readonly #first: number[] = [] // by slot: its newest channel
  readonly #made: (ReadonlyMap<string, Reading> | null)[] = [] // by slot: what was made for whoever looked
  #news: number[] = [] // at most all
  #isNews = new Uint8Array(room(0)) // by slot, of which there are no more than channels
  #value = new Float64Array(room(0))
  #at = new Float64Array(room(0))
  #gap = new Float64Array(room(0))
  #slot = new Int32Array(room(0))
  #next = new Int32Array(room(0)) // of the same device

  /** Slots of which something was heard since this was asked last. */
  news(): readonly number[] {
    const news = this.#news
    for (const slot of news) this.#isNews[slot] = 0
    this.#news = []
    return news
  }

  /** What is known of one device: property -> the newest reading. */
  get(device: string): ReadonlyMap<string, Reading> | undefined {
    const slot = this.#slotOf.get(device)
    return slot === undefined ? undefined : (this.#made[slot] ??= this.#make(slot))
  }

  /** The value of one property; undefined: never heard. */
  valueAt(slot: number, property: string): number | undefined {
    for (let c = this.#first[slot] ?? NONE; c !== NONE; c = this.#next[c]!) if (this.#property[c] === property) return this.#value[c]
    return undefined
  }

  /** Until when one of a slot's readings is fresh: so long after it, or four times its usual gap. */
  freshUntil(slot: number, least: number): number {
    let until = -Infinity
    for (let c = this.#first[slot] ?? NONE; c !== NONE; c = this.#next[c]!) until = Math.max(until, this.#at[c]! + Math.max(least, 4 * this.#gap[c]!))
    return until
  }

  take(beat: Beat): void {
    for (const [device, property] of beat.names) this.#name(device, property)
    const { channel, value, at, gap } = beat
    for (let i = 0; i < channel.length; i++) {
      const c = channel[i]!
      this.#value[c] = value[i]!
      this.#at[c] = at[i]!
      this.#gap[c] = gap[i]!
      const slot = this.#slot[c]!
      this.#made[slot] = null
      if (this.#isNews[slot]) continue
      this.#isNews[slot] = 1
      this.#news.push(slot)
    }
  }

  #name(device: string, property: string): void {
    const c = this.#property.length
    if (c >= this.#value.length) this.#grow(room(c))
    let slot = this.#slotOf.get(device)
    if (slot === undefined) {
      this.#slotOf.set(device, (slot = this.devices.length))
      this.devices.push(device)
      this.#first.push(NONE)
      this.#made.push(null)
    }
    this.#property.push(property)
    this.#slot[c] = slot
    this.#next[c] = this.#first[slot]!
    this.#first[slot] = c
  }

  #grow(length: number): void {
    const longer = <T extends Float64Array | Int32Array | Uint8Array>(old: T, made: T): T => (made.set(old as never), made)
    this.#isNews = longer(this.#isNews, new Uint8Array(length))
    this.#value = longer(this.#value, new Float64Array(length))
    this.#at = longer(this.#at, new Float64Array(length))
    this.#gap = longer(this.#gap, new Float64Array(length))
    this.#slot = longer(this.#slot, new Int32Array(length))
    this.#next = longer(this.#next, new Int32Array(length))
  }

  #make(slot: number): ReadonlyMap<string, Reading> {
    const made = new Map<string, Reading>()
    for (let c = this.#first[slot]!; c !== NONE; c = this.#next[c]!) made.set(this.#property[c]!, { value: this.#value[c]!, at: this.#at[c]!, gap: this.#gap[c]! })
    return made
  }
}
