/** Where the UI starts: styles, the query client, the theme, the app. */
import '@mantine/core/styles/baseline.css'
import '@mantine/core/styles/default-css-variables.css'
import '@mantine/core/styles/global.css'
import '@mantine/core/styles/UnstyledButton.css'
import '@mantine/core/styles/VisuallyHidden.css'
import '@mantine/core/styles/Button.css'
import '@mantine/core/styles/ActionIcon.css'
import '@mantine/core/styles/CloseButton.css'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/Loader.css'
import '@mantine/core/styles/Menu.css'
import '@mantine/core/styles/ModalBase.css'
import '@mantine/core/styles/Modal.css'
import '@mantine/core/styles/Overlay.css'
import '@mantine/core/styles/Paper.css'
import '@mantine/core/styles/Popover.css'
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/Skeleton.css'
import '@mantine/core/styles/Tooltip.css'
import '@mantine/spotlight/styles.css'
import '@fontsource-variable/inter/wght.css'
import 'uplot/dist/uPlot.min.css'
import './theme/tokens.css'
import './theme/base.css'
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiError } from './api/client.ts'
import { LiveProvider } from './api/live.tsx'
import { App } from './app.tsx'
import { cssVariables, theme } from './theme/theme.ts'

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server refused it refuses again; only silence and its own failures are worth a second try.
      retry: (count, error) => count < 1 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      retryDelay: 1_000,
      refetchOnWindowFocus: true,
      networkMode: 'always',
    },
  },
})

const root = document.getElementById('root')
if (root === null) throw new Error('BUG: index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
        <LiveProvider>
          <App />
        </LiveProvider>
      </MantineProvider>
    </QueryClientProvider>
  </StrictMode>,
)
