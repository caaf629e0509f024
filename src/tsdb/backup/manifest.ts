/**
 * What a backup holds: `manifest.json`, its last file. Without one that holds, it is no backup. Drawn in docs/formats/backup.md.
 */
import { createHash } from 'node:crypto'
import { AssayError } from '#core'

export const MANIFEST_FILE = 'manifest.json'
export const BACKUP_FORMAT = 1

export type ManifestFile = { readonly path: string; readonly sizeBytes: number; readonly sha256: string }

export type Manifest = {
  readonly format: number
  /** The id of the data directory. */
  readonly store: string
  /** Unix milliseconds. */
  readonly at: number
  readonly files: readonly ManifestFile[]
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, sha256: hashOf(manifest) }, undefined, 1)}\n`
}

/** Throws `ASSAY_BACKUP` for one that is damaged, or of a later version. */
export function parseManifest(text: string, place: string): Manifest {
  const refuse = (what: string) => new AssayError('ASSAY_BACKUP', `${place}: ${what}`)
  let value: Record<string, unknown>
  try {
    value = Object(JSON.parse(text))
  } catch {
    throw refuse('the manifest is damaged; take another backup')
  }
  const { format, store, at, files, sha256 } = value
  if (typeof format === 'number' && format > BACKUP_FORMAT)
    throw refuse(
      `a later assay wrote this backup (format ${format}, this one knows up to ${BACKUP_FORMAT}); use that version`,
    )
  if (typeof format !== 'number' || typeof store !== 'string' || typeof at !== 'number' || !Array.isArray(files))
    throw refuse('the manifest is damaged; take another backup')
  const manifest: Manifest = {
    format,
    store,
    at,
    files: files.map((one: unknown) => {
      const { path, sizeBytes, sha256: hash } = Object(one)
      return { path: String(path), sizeBytes: Number(sizeBytes), sha256: String(hash) }
    }),
  }
  if (hashOf(manifest) !== sha256) throw refuse('the manifest does not fit its checksum; take another backup')
  for (const { path } of manifest.files)
    if (!isSafePath(path)) throw refuse(`it names a file outside: ${JSON.stringify(path)}`)
  return manifest
}

/** Below the directory, whatever comes from a manifest or an archive. */
export function isSafePath(path: string): boolean {
  return path !== '' && !path.includes('\\') && path.split('/').every((part) => !['', '.', '..'].includes(part))
}

function hashOf({ format, store, at, files }: Manifest): string {
  const plain = files.map(({ path, sizeBytes, sha256 }) => [path, sizeBytes, sha256])
  return createHash('sha256')
    .update(JSON.stringify([format, store, at, plain]))
    .digest('hex')
}
