/** By what names people know the ids of what left: learnt from the answers that bear the ids, and from nothing else. */
import { plain } from '../city/words'

export type Kind = 'recipient' | 'party' | 'dataset' | 'purpose' | 'flow' | 'agreement' | 'jurisdiction'
export interface Names { names?: Partial<Record<Kind, Record<string, string>>> }

const KINDS: Kind[] = ['recipient', 'party', 'dataset', 'purpose', 'flow', 'agreement', 'jurisdiction']
let known = $state.raw(new Map<string, string>())

/** Hands the answer on. */
export function learn<Answer extends Names>(answer: Answer): Answer {
  const told = KINDS.flatMap((kind) => Object.entries(answer.names?.[kind] ?? {}).map(([id, name]) => [`${kind}/${id}`, name] as const))
  if (told.some(([key, name]) => known.get(key) !== name)) known = new Map([...known, ...told])
  return answer
}

/** Its name; a purpose without one is its id in words, anything else the id. */
export const named = (kind: Kind, id: string): string => known.get(`${kind}/${id}`) ?? (kind === 'purpose' ? plain(id) : id)

/** The name of an id whose kind is not told. */
export const anyName = (id: string): string => {
  const kind = KINDS.find((one) => known.has(`${one}/${id}`))
  return kind ? named(kind, id) : id
}

/** A sentence of the city about ids in backticks, with names instead. */
export const withNames = (sentence: string): string => sentence.replace(/`([^`]*)`/g, (_, id: string) => anyName(id))
