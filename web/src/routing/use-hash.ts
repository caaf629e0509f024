/** The hash as React state, and the hooks that wouter asks for. */
import { useSyncExternalStore } from 'react'
import { formatHash, parseHash, withParams } from './hash.ts'

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}

function useHash(): string {
  return useSyncExternalStore(subscribe, () => window.location.hash)
}

/** Goes to `to`, a path with an optional query: `/incidents/118`. */
export function navigate(to: string, options: { readonly replace?: boolean } = {}): void {
  const hash = formatHash(parseHash(to))
  if (options.replace === true) {
    window.history.replaceState(null, '', hash)
    window.dispatchEvent(new HashChangeEvent('hashchange'))
  } else window.location.hash = hash
}

/** For wouter's `Router`. */
export function usePlace(): [string, (to: string, options?: { readonly replace?: boolean }) => void] {
  return [parseHash(useHash()).path, navigate]
}

/** For wouter's `Router`. */
export function usePlaceSearch(): string {
  return parseHash(useHash()).search
}

/** Parameters of the place, and the way to change some of them; changes replace the entry in the history by default. */
export function useParams(): [
  URLSearchParams,
  (changes: Readonly<Record<string, string | undefined>>, push?: boolean) => void,
] {
  const { path, search } = parseHash(useHash())
  return [
    new URLSearchParams(search),
    (changes, push = false) =>
      navigate(formatHash({ path, search: withParams(search, changes) }).slice(1), { replace: !push }),
  ]
}

/** The address of the same place with other parameters, for links that open something above the page. */
export function useHrefWith(): (changes: Readonly<Record<string, string | undefined>>) => string {
  const { path, search } = parseHash(useHash())
  return (changes) => formatHash({ path, search: withParams(search, changes) })
}
