import type { Config } from '../config.ts';
import { noticeOf, noticeText } from '../privacy/notice.ts';
import { reportOf } from '../privacy/report.ts';
import { reportMarkdown } from '../privacy/report-markdown.ts';

/** Material for an impact assessment, as Markdown or JSON. */
export function privacyReport(config: Config, json: boolean, at: number, out: (text: string) => void): void {
  const report = reportOf(config, at);
  out(json ? JSON.stringify(report, null, 2) : reportMarkdown(report));
}

/**
 * Poster, kiosk text and entry of the record of processing. `warn` is told of languages that the notice
 * names and that have no texts here.
 * @throws where there are no texts in the language.
 */
export function privacyNotice(
  config: Config,
  { language, json }: { language: string; json?: boolean },
  out: (text: string) => void,
  warn: (text: string) => void,
): void {
  const notice = noticeOf(config, language);
  out(json ? JSON.stringify(notice, null, 2) : noticeText(notice));
  if (config.mode === 'identify' && !config.store.notice) {
    warn('store.notice is missing: the gateway recognises nobody, and these texts say so');
  }
  if (notice.gaps.length > 0) warn(`${notice.gaps.length} places are for the controller to complete`);
}
