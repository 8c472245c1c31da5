import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached, fingerprint } from '../cache.ts';
import { findOnPath, runCommand } from '../command.ts';

/** Go modules with custom resources that the chart uses, and where in them those are. */
export const CUSTOM = [
  { module: 'github.com/kedacore/keda/v2@v2.21.0', folder: 'config/crd/bases' },
  { module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0', folder: 'example/prometheus-operator-crd' },
] as const;
const DOWNLOAD_MS = 10 * 60_000;

/**
 * A folder with the CustomResourceDefinitions of KEDA (`keda.sh_scaledobjects.yaml`) and of the Prometheus operator
 * (`monitoring.coreos.com_servicemonitors.yaml`). Fetched once; needs Go.
 */
export function customResources(): Promise<string> {
  return cached({
    name: `custom-resources-${fingerprint([JSON.stringify(CUSTOM)])}`,
    check: 'keda.sh_scaledobjects.yaml',
    build: async (folder) => {
      const go = findOnPath('go');
      if (!go) throw new Error('go (to fetch custom resources) is not on the PATH');
      const work = join(folder, 'work');
      mkdirSync(work);
      for (const custom of CUSTOM) {
        const download = ['mod', 'download', '-json', custom.module];
        const answer = await runCommand(go, download, { cwd: work, deadlineMs: DOWNLOAD_MS });
        const from = join((JSON.parse(answer) as { readonly Dir: string }).Dir, custom.folder);
        for (const name of readdirSync(from)) copyFileSync(join(from, name), join(folder, name));
      }
      rmSync(work, { recursive: true });
    },
  });
}
