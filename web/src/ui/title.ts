/** The window's title: the page, then the number of open incidents, so that a tab in the background tells too. */
import { useEffect } from 'react'
import { useLive } from '../api/live.tsx'

export function useTitle(page: string): void {
  const { incidents } = useLive()
  const open = incidents?.filter((incident) => incident.state !== 'resolved').length ?? 0
  useEffect(() => {
    document.title = `${open > 0 ? `(${open}) ` : ''}${page} · assay`
  }, [page, open])
}
