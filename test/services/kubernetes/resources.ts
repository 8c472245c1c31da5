import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached, fingerprint } from '../cache.ts';
import { findOnPath, runCommand } from '../command.ts';

/** Go modules that bring custom resources of Kubernetes, and the folder of each in which they are. */
const MODULES = [
  ['github.com/kedacore/keda/v2@v2.21.0', 'config/crd/bases'],
  ['github.com/prometheus-operator/prometheus-operator@v0.85.0', 'example/prometheus-operator-crd'],
] as const;
const DOWNLOAD_MS = 10 * 60_000;

/**
 * A folder with the CustomResourceDefinitions of KEDA (`keda.sh_scaledobjects.yaml`) and of the Prometheus operator
 * (`monitoring.coreos.com_podmonitors.yaml`). Fetched once; needs Go.
 */
export function customResources(): Promise<string> {
  return cached({
    name: `custom-resources-${fingerprint(MODULES.flat())}`,
    check: 'keda.sh_scaledobjects.yaml',
    build: async (folder) => {
      const go = findOnPath('go');
      if (!go) throw new Error('go (to fetch custom resources) is not on the PATH');
      const work = join(folder, 'work');
      mkdirSync(work);
      for (const [module, inside] of MODULES) {
        const answer = await runCommand(go, ['mod', 'download', '-json', module], {
          cwd: work,
          deadlineMs: DOWNLOAD_MS,
        });
        const from = join((JSON.parse(answer) as { readonly Dir: string }).Dir, inside);
        for (const name of readdirSync(from).filter((file) => file.includes('_'))) {
          copyFileSync(join(from, name), join(folder, name));
        }
      }
      rmSync(work, { recursive: true });
    },
  });
}
