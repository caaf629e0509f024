/**
 * Target groups from files, as Prometheus' `file_sd_configs`: JSON or YAML, a list of `{targets, labels}`.
 *
 * - A path's last part may hold `*`; a file that is broken or half written keeps the targets it had, and is reported.
 * - Files are polled: a watcher misses changes on network file systems and in mounted secrets.
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import { AssayError, compileRegex, messageOf, sourceTexts, withSources } from '#core'
import { parseGroups } from './target-groups.ts'
import type { TargetGroup } from './targets-of.ts'

const MAX_FILES = 10_000

/** What was read last, by file. */
export type FileGroups = ReadonlyMap<string, readonly TargetGroup[]>
export type FileReading = { readonly groups: FileGroups; readonly problems: readonly string[] }

/** Reads all files that the patterns name; for a broken one what `before` holds of it stays. */
export async function readTargetFiles(
  patterns: readonly string[],
  before: FileGroups = new Map(),
): Promise<FileReading> {
  const groups = new Map<string, readonly TargetGroup[]>()
  const problems: string[] = []
  for (const pattern of patterns) {
    const files = await filesOf(pattern).catch((thrown: unknown) => {
      problems.push(`${pattern}: ${messageOf(thrown)}`)
      return [...before.keys()].filter((file) => dirname(file) === dirname(pattern))
    })
    for (const file of files) {
      try {
        groups.set(file, parseTargetFile(file, await readFile(file, 'utf8')))
      } catch (thrown) {
        problems.push(`${file}: ${messageOf(thrown)}`)
        const last = before.get(file)
        if (last !== undefined) groups.set(file, last)
      }
    }
  }
  return { groups, problems }
}

/** The groups of a file's text, each with `__meta_filepath`. Throws `ASSAY_SCRAPE_FILE_SD`. */
export function parseTargetFile(file: string, text: string): readonly TargetGroup[] {
  let content: unknown
  try {
    content = file.endsWith('.json') ? JSON.parse(text) : yamlOf(text)
  } catch (cause) {
    throw new AssayError('ASSAY_SCRAPE_FILE_SD', `cannot be read: ${messageOf(cause)}`, { cause })
  }
  if (content === null || content === undefined) return []
  return parseGroups(content, wrong).map(({ targets, labels }) => ({
    targets,
    labels: { ...labels, __meta_filepath: file },
  }))
}

/** All scalars as texts: a label `010` is one, as in Prometheus. */
function yamlOf(text: string): unknown {
  const document = parseDocument(text, { merge: true })
  const [fault] = document.errors
  if (fault !== undefined) throw fault
  return sourceTexts(withSources(document))
}

async function filesOf(pattern: string): Promise<readonly string[]> {
  if (!/\.(json|ya?ml)$/.test(pattern)) throw wrong('the name must end in .json, .yml or .yaml')
  const name = basename(pattern)
  if (!name.includes('*')) return [pattern]
  const matches = compileRegex(
    name
      .split('*')
      .map((part) => part.replace(/[^\w-]/g, '\\$&'))
      .join('.*'),
  )
  const names = (await readdir(dirname(pattern))).filter((one) => matches(one)).sort()
  if (names.length > MAX_FILES) throw wrong(`the pattern matches ${names.length} files; at most ${MAX_FILES} are read`)
  return names.map((one) => join(dirname(pattern), one))
}

function wrong(message: string): AssayError {
  return new AssayError('ASSAY_SCRAPE_FILE_SD', message)
}
