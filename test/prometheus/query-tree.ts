/**
 * A PromQL expression as a tree of pieces of text: enough to print it, and to make it smaller without knowing its grammar.
 *
 * A node can stand wherever a node of its type stands; an `option` (a modifier, one matcher of several) can also be left out.
 */
export type NodeType = 'scalar' | 'vector' | 'matrix' | 'string' | 'option' | 'other'
export type QueryNode = { readonly type: NodeType; readonly parts: readonly (string | QueryNode)[] }

export function node(type: NodeType, ...parts: readonly (string | QueryNode)[]): QueryNode {
  return { type, parts }
}

export const NOTHING: QueryNode = node('option')

export function print({ parts }: QueryNode): string {
  return parts.map((part) => (typeof part === 'string' ? part : print(part))).join('')
}

/** Trees that are smaller by one step: a node replaced by one below it of its type, an option left out. The smallest come first. */
export function smaller(tree: QueryNode): QueryNode[] {
  return [...replacements(tree)].toSorted((a, b) => print(a).length - print(b).length)
}

function* replacements(tree: QueryNode): Generator<QueryNode> {
  if (tree.type === 'option' && tree.parts.length > 0) yield NOTHING
  for (const below of descendants(tree)) if (below.type === tree.type) yield below
  if (tree.type === 'scalar' && !SMALLEST.includes(print(tree)))
    for (const literal of SMALLEST) yield node('scalar', literal)
  for (const [i, part] of tree.parts.entries()) {
    if (typeof part === 'string') continue
    for (const replacement of replacements(part)) yield { ...tree, parts: tree.parts.with(i, replacement) }
  }
}

/** What can be asked for by itself below the root, the smallest first. */
export function partsOf(tree: QueryNode): readonly QueryNode[] {
  const parts = [...descendants(tree)].filter(({ type }) => type === 'vector' || type === 'matrix')
  return [...new Set(parts)].toSorted((a, b) => print(a).length - print(b).length)
}

const SMALLEST = ['0', '1', '2']

function* descendants(tree: QueryNode): Generator<QueryNode> {
  for (const part of tree.parts) {
    if (typeof part === 'string') continue
    yield part
    yield* descendants(part)
  }
}
