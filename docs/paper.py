"""Pages of the paper's figures, from what ``make figures`` writes; run as a script it renews the README's table."""

import re
from pathlib import Path
from typing import Any

from pages import table

from meta_envs.figures import SHEETS, panels_of, read_verdicts, title_of, whole

HERE = Path(__file__).parent
REPRODUCTION = HERE / "reproduction"
"""What ``meta-envs reproduce all`` wrote; pictures and verdicts are kept."""
README = HERE.parent / "README.md"
BLOCK = re.compile(r"(<!-- claims: meta-envs reproduce all -->\n).*?(<!-- end of claims -->)", re.DOTALL)
HEADINGS = ("figure", "claim", "paper", "ours", "verdict")


def results() -> dict[str, dict[str, Any]]:
    """What every figure came to, in the order of the paper; figures that were not made yet are left out."""
    files = {name: REPRODUCTION / f"{name}.json" for name in whole()}
    return {name: read_verdicts(file) for name, file in files.items() if file.is_file()}


def claims_table(claims: list[dict[str, Any]], *, link: str = "") -> str:
    """A row for each claim; the figure's name as a link, if there is a place to lead to."""
    rows = []
    for claim in claims:
        sheet = next(name for name in whole() if claim["figure"] in {panel.name for panel in panels_of(name)})
        name = f"[{claim['figure']}]({link.format(sheet)})" if link else claim["figure"]
        verdict = "; ".join(filter(None, (f"**{claim['verdict']}**", claim["settles"])))
        rows.append((name, claim["claim"], claim["paper"], claim["ours"], verdict))
    return table(HEADINGS, rows)


def all_claims(link: str) -> str:
    """The claims of all figures in one table."""
    return claims_table([claim for found in results().values() for claim in found["claims"]], link=link)


def figure_page(name: str, found: dict[str, Any]) -> str:
    """A figure's page: picture, claims, command, and what differs from the paper."""
    differing = [
        f"**{panel.name}.** {panel.differs}" if name in SHEETS else panel.differs
        for panel in panels_of(name)
        if panel.differs
    ]
    notes = [f"**{claim['figure']}, {claim['claim']}.** {claim['note']}" for claim in found["claims"] if claim["note"]]
    lifetimes = ", ".join(f"{number:,} ({panel})" for panel, number in found["settings"]["episodes"].items())
    agents = [
        f"`{agent['id']}`, seed {agent['seed']} ({agent['role']}, {agent['play']})"
        for agent in found["settings"]["agents"]
        if "id" in agent
    ]
    return "\n\n".join(
        filter(
            None,
            [
                f"# Figure {name}: {title_of(name)}",
                f"![{title_of(name)}](<../../reproduction/{name}.png>)",
                f"```console\n$ meta-envs reproduce {name}\n```",
                claims_table(found["claims"]) if found["claims"] else "The paper claims nothing of it in numbers.",
                "\n".join(f"- {note}" for note in notes),
                "## What differs, and why" if differing else "",
                "\n\n".join(differing),
                "## How it was measured",
                f"Lifetimes: {lifetimes}; evaluation seed {found['settings']['seed']}.",
                f"Agents: {'; '.join(dict.fromkeys(agents))}." if agents else "",
            ],
        )
    )


def write_readme() -> None:
    """Renew the table of claims in the README."""
    text = README.read_text(encoding="utf-8")
    README.write_text(with_claims(text), encoding="utf-8")


def with_claims(text: str) -> str:
    """A README's text with the table as it is now."""
    shown = all_claims("docs/figures.md")
    return BLOCK.sub(lambda found: f"{found[1]}{shown}\n{found[2]}", text)


if __name__ == "__main__":
    write_readme()
