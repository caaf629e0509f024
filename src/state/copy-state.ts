/** A copy of the state database while it is in use: SQLite's own online backup, which sees one moment. */
import { open } from 'node:fs/promises'
import { backup, DatabaseSync } from 'node:sqlite'

/** Rejects with what SQLite or the disk says. The copy is forced to disk, and has no log beside it. */
export async function copySqliteState(from: string, to: string): Promise<void> {
  {
    using database = new DatabaseSync(from, { readOnly: true })
    await backup(database, to)
  }
  await using handle = await open(to, 'r+')
  await handle.sync()
}
