"""The command that trains an agent."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from meta_envs.cli.options import Env, Id, parse_pairs
from meta_envs.terminal import Screen


def train(
    id: Id,
    seed: Annotated[int, typer.Option(help="Seed of the run: the same seed gives the same agent.")] = 1,
    directory: Annotated[
        Path | None,
        typer.Option(help="Where checkpoint and agent go.  [default: runs/ID/seed-SEED]", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting of the preset, such as steps=100000; repeatable.",
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="Settings to begin with: recommended, or a2c, the paper's own.")
    ] = "recommended",
    env: Env = None,
    init: Annotated[
        str | None,
        typer.Option(metavar="ID|PATH", help="Begin with the weights of an agent: a shipped one's, or of a path."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on from the directory's checkpoint, or with more steps from a run's end."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where there is a run already.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write curves into the directory; see them with tensorboard.")
    ] = False,
    snapshots: Annotated[
        int,
        typer.Option(metavar="N", help="Keep the weights at N moments, from the first to the last, in snapshots/."),
    ] = 0,
    device: Annotated[str, typer.Option(help="Where the network is: cpu, or cuda where there is a GPU.")] = "cpu",
    threads: Annotated[
        int, typer.Option(help="Of torch; two are worth it where the agent sees images, and change last bits.")
    ] = 1,
) -> None:
    """Train a recurrent agent.

    It is trained with RecurrentPPO and written to a file. The directory gets agent.safetensors, the weights with a card
    of how they were made; while the run goes on, checkpoint.pt; with --tensorboard events.out.tfevents.*, the curves,
    which `tensorboard --logdir runs` shows; and with --snapshots N snapshots/step-*.safetensors, the agent along the
    training, denser early. A bar shows the mean return of the newest lifetimes and the score in held-out ones.

    Ctrl-C leaves the newest checkpoint, and a kill one that is seconds old; the same command with --resume goes on from
    it, to the same agent.
    """
    from meta_envs.training import TrainingStopped
    from meta_envs.training import train as run
    from meta_envs.training.presets import preset_of

    chosen = parse_pairs(settings, "--set", train)
    preset_of(id, preset, **chosen)  # whatever else `run` takes is no setting

    try:
        path = run(
            id,
            seed=seed,
            directory=directory,
            preset=preset,
            keywords=parse_pairs(env, "--env", train),
            init=init,
            resume=resume,
            overwrite=overwrite,
            tensorboard=tensorboard,
            snapshots=snapshots,
            device=device,
            threads=threads,
            **chosen,
        )
    except TrainingStopped as stopped:
        Screen(stderr=True).say(f"{stopped} The same command with --resume goes on from there.")
        raise typer.Exit(130) from None
    except KeyboardInterrupt as stopped:
        Screen(stderr=True).say(str(stopped))
        raise typer.Exit(130) from None
    Screen().say(f"agent: {path}", f"Evaluate it with: meta-envs evaluate {id} --agent {shlex.quote(str(path))}")
