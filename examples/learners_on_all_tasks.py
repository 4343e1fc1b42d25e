"""Every learner that needs no training on every environment that it serves: the table in docs/all-learners.md.

python examples/learners_on_all_tasks.py --output docs/all-learners.md
"""

from argparse import ArgumentParser
from pathlib import Path

from tqdm import tqdm

import meta_envs
from meta_envs import LEARNERS, Scorecard, serving
from meta_envs.terminal import Screen

HEAD = """# All learners on all tasks

```console
$ python examples/learners_on_all_tasks.py --output docs/all-learners.md
```

Every learner that needs no training, on every environment that it serves, in unseen lifetimes of evaluation seed {seed}
on common random numbers, sorted by return. Regret and return are expected, with standard errors; the score has a 95 %
interval. Where the optimum is a bound, the best that can be had scores less than 1; where it is simulated, its error is
in the intervals. `oracle` is told the task.
"""


def lifetimes(id: str, most: int) -> int:
    """Number of lifetimes: as asked for, fewer where steps or planning cost more."""
    family = meta_envs.make_family(id)
    if family.horizon > 200:
        return max(2, most // 50)
    return max(2, most // 10) if id == "MetaMDP-Tabular-v0" else most


def write(cards: list[Scorecard]) -> str:
    """One environment's section."""
    first = cards[0]
    rows = ["| learner | regret | return | score |", "|---|---|---|---|"]
    for card in sorted(cards, key=lambda card: card.return_mean, reverse=True):
        regret = "–" if card.regret_mean is None else f"{card.regret_mean:.2f} ± {card.regret_se:.2f}"
        score = "–" if card.score is None else f"{card.score:.3f} ({card.score_low:.3f}, {card.score_high:.3f})"
        rows.append(f"| `{card.learner}` | {regret} | {card.return_mean:.2f} ± {card.return_se:.2f} | {score} |")
    error = f" ± {first.optimal_return_se:.3f}" if first.optimum_kind == "simulated" else ""
    known = first.optimal_return is not None
    optimum = f"; optimum {first.optimal_return:.3f}{error} ({first.optimum_kind})" if known else ""
    return f"\n## {first.id}\n\n{first.episodes:,} lifetimes{optimum}.\n\n" + "\n".join(rows) + "\n"


def main() -> None:
    """Evaluate, print, and write if asked to."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--episodes", type=int, default=10_000, help="lifetimes where they are short")
    parser.add_argument("--seed", type=int, default=1, help="evaluation seed")
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    given = parser.parse_args()
    sections = [HEAD.format(seed=given.seed)]
    for id in tqdm([id for id in meta_envs.ids() if id.startswith("Meta")]):
        learners = serving(list(LEARNERS), id)
        sections.append(
            write(meta_envs.evaluate(learners, id, episodes=lifetimes(id, given.episodes), seed=given.seed))
        )
    text = "".join(sections)
    Screen().say(text)
    if given.output is not None:
        given.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
