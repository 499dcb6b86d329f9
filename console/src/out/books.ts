/** What the web door tells of registers, erasures and retention (docs/personal-data.md). Times are ISO 8601, UTC, of the city. */
import { get as got } from '../city/api'
import { learn, type Names } from './names.svelte'

/** A purpose of a personal dataset, GDPR article 30. */
export interface Processing { dataset: string; purpose: string; basis: string; retention: string; observed: string; receipts: number; last: string; recipients: string[]; transfers: string[] }
/** A way by which data comes under a law that is not home's. */
export interface Transfer { flow: string; recipient: string; party: string; datasets: string[]; purpose: string; agreement: string; certain: string[]; possible: string[]; observed: string; receipts: number; rows: number; last: string }
export interface Register<Row> extends Names { controller: string; declaration: string; seen: number; rows: Row[]; rows_in_all: number; findings: string[]; findings_in_all: number }
export interface Erasure { number: number; device: string; dataset: string; why: string; since: string; until: string; at: string; person: string; reason: string; rows: number; copies: Record<string, number>; tell: string[]; state: 'done' | 'under way'; record: string }
export interface Kept { dataset: string; personal: boolean; days: number | null; oldest: Record<string, string>; ran: string; state: 'ok' | 'late' | 'unknown'; why: string }

const get = async <Answer extends Names>(path: string): Promise<Answer> => learn(await got<Answer>(path))

export const processing = (): Promise<Register<Processing>> => get('/api/received/register?kind=processing')
export const transfers = (): Promise<Register<Transfer>> => get('/api/received/register?kind=transfers')
export const erasures = (): Promise<Names & { erasures: Erasure[] }> => get('/api/received/erasures')
export const retention = (): Promise<Names & { datasets: Kept[] }> => get('/api/received/retention')

/** The books, by the last part of their address: `#/out/book/transfers`. */
export const BOOKS = { processing: 'Records of processing', transfers: 'Register of transfers', erasures: 'Erasures', retention: 'What is kept', attempts: 'Refused attempts' } as const
export type Book = keyof typeof BOOKS
export const isBook = (name: string | null): name is Book => name !== null && Object.hasOwn(BOOKS, name)
