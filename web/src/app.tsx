/** The pages and the frame around them. Pages beside the overview are loaded when they are first asked for. */
import { type ComponentType, lazy, type ReactNode, Suspense, useEffect } from 'react'
import { Route, Router, Switch, useLocation } from 'wouter'
import { ChartDoor } from './charts-ui/chart-door.tsx'
import { OverviewPage } from './overview/overview-page.tsx'
import { usePlace, usePlaceSearch } from './routing/use-hash.ts'
import { Shell } from './shell/shell.tsx'
import { Bones, Empty } from './ui/feedback.tsx'

const IncidentsPage = lazy(async () => ({ default: (await import('./incidents/incidents-page.tsx')).IncidentsPage }))
const IncidentPage = lazy(async () => ({ default: (await import('./incidents/incident-page.tsx')).IncidentPage }))
const PartsPage = lazy(async () => ({ default: (await import('./parts/parts-page.tsx')).PartsPage }))
const PartPage = lazy(async () => ({ default: (await import('./parts/part-page.tsx')).PartPage }))
const TicketsPage = lazy(async () => ({ default: (await import('./tickets/tickets-page.tsx')).TicketsPage }))
const TicketPage = lazy(async () => ({ default: (await import('./tickets/ticket-page.tsx')).TicketPage }))
const PoliciesPage = lazy(async () => ({ default: (await import('./policies/policies-page.tsx')).PoliciesPage }))
const TargetsPage = lazy(async () => ({ default: (await import('./targets/targets-page.tsx')).TargetsPage }))
const ExplorePage = lazy(async () => ({ default: (await import('./explore/explore-page.tsx')).ExplorePage }))

export function App() {
  return (
    <Router hook={usePlace} searchHook={usePlaceSearch} hrefs={(href) => `#${href}`}>
      <Shell>
        <Suspense fallback={<Bones rows={6} height={40} />}>
          <Pages />
        </Suspense>
      </Shell>
      <ChartDoor />
    </Router>
  )
}

function Pages() {
  return (
    <Switch>
      <Route path="/">
        <OverviewPage />
      </Route>
      <Route path="/incidents">
        <IncidentsPage />
      </Route>
      <Route path="/incidents/:id">{({ id }) => <ById key={id} id={id} page={IncidentPage} />}</Route>
      <Route path="/parts">
        <PartsPage />
      </Route>
      <Route path="/parts/:id">{({ id }) => <ById key={id} id={id} page={PartPage} />}</Route>
      <Route path="/tickets">
        <TicketsPage />
      </Route>
      <Route path="/tickets/:id">{({ id }) => <ById key={id} id={id} page={TicketPage} />}</Route>
      <Route path="/policies">
        <PoliciesPage />
      </Route>
      <Route path="/targets">
        <TargetsPage />
      </Route>
      <Route path="/explore">
        <ExplorePage />
      </Route>
      <Route>
        <NoSuchPage />
      </Route>
    </Switch>
  )
}

function ById({
  id,
  page: Page,
}: {
  readonly id: string
  readonly page: ComponentType<{ readonly id: string }>
}): ReactNode {
  return <Page id={decodeURIComponent(id)} />
}

function NoSuchPage() {
  const [path] = useLocation()
  useEffect(() => {
    document.title = 'not found · assay'
  }, [])
  return (
    <Empty title="There is no such page.">
      Nothing lives at <code>{path}</code>.{' '}
      <a className="link" href="#/">
        Go to the overview
      </a>
      .
    </Empty>
  )
}
