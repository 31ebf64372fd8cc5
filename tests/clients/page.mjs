// node page.mjs SERVER TOKEN BOT PAGE: a person types into the page of docs/clients in a real browser.
// The page is served from an origin of its own, which is the last line that is printed before it is opened.
import assert from 'node:assert/strict'
import { readFileSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'

const [server, token, bot, page, port, screenshot] = process.argv.slice(2)
const html = readFileSync(page)
const pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html))
await new Promise(resolve => pages.listen(Number(port), '127.0.0.1', resolve))

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  userDataDir: mkdtempSync(join(tmpdir(), 'botwright-page-')),
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
    '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
})
try {
  const tab = await browser.newPage()
  const wrong = []
  tab.on('pageerror', error => wrong.push(error.message))
  await tab.goto(`http://127.0.0.1:${port}/#${new URLSearchParams({ server, token, bot })}`)
  await tab.type('input', 'Good morning.\n')
  await tab.waitForFunction(() => document.querySelector('.bot')?.textContent.length > 10, { timeout: 20_000 })
  const begun = await tab.$eval('.bot', p => p.textContent)
  await tab.waitForFunction(() => document.querySelector('.bot').textContent.endsWith('end.'), { timeout: 20_000 })
  const whole = await tab.$eval('.bot', p => p.textContent)
  assert.ok(begun.length < whole.length, `it is seen to grow: ${begun} … ${whole}`)
  assert.equal(await tab.$eval('.person', p => p.textContent), 'Good morning.')
  assert.deepEqual(wrong, [])
  if (screenshot) await tab.screenshot({ path: screenshot })
  console.log(whole)
} finally {
  await browser.close()
  pages.close()
}
