/** What a page shows when it has nothing yet, nothing at all, or an error: always a sentence, and what to do. */
import { Button, Skeleton } from '@mantine/core'
import type { ReactNode } from 'react'
import { ApiError } from '../api/client.ts'
import './feedback.css'

export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children === undefined ? null : <div className="empty-text">{children}</div>}
    </div>
  )
}

/** A failed answer. What simply does not exist is no alarm: it is said plainly, with the way back. */
export function Failure({
  what,
  error,
  retry,
}: {
  readonly what: string
  readonly error: Error
  readonly retry?: () => void
}) {
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty title={`${what} does not exist.`}>
        It may be older than what is kept, or the definition has changed.{' '}
        <a className="link" href="#/">
          Go to the overview
        </a>
        .
      </Empty>
    )
  }
  return (
    <div className="failure" role="alert">
      <p className="failure-title">{what} could not be read.</p>
      <p className="failure-text">{error.message}</p>
      {retry === undefined ? null : (
        <Button variant="default" size="xs" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  )
}

/** Grey shapes in the size of what comes, so that nothing jumps when it has come. */
export function Bones({ rows = 3, height = 22 }: { readonly rows?: number; readonly height?: number }) {
  return (
    <output className="bones" aria-label="loading">
      {Array.from({ length: rows }, (_, i) => `${i}`).map((key) => (
        <Skeleton key={key} height={height} radius="sm" />
      ))}
    </output>
  )
}
