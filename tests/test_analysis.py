"""What agents have learned: recorded memories and beliefs, and analyses against networks built by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch as th

import meta_envs
from meta_envs import analysis
from meta_envs.agents import AgentCard
from meta_envs.agents.agent import Agent, load_agent
from meta_envs.agents.interface import describe_interface, space_of
from meta_envs.analysis.ridge import predict_held_out
from meta_envs.analysis.units import _fit_clustered
from meta_envs.behaviour import record_trials
from meta_envs.families.dependent import DependentBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.learners.learner import Learner
from meta_envs.networks.actor_critic import ActorCritic
from meta_envs.networks.kinds import MEMORIES

BANDIT = IndependentBandit(num_trials=12)
INPUTS = {"action": True, "reward": True, "time": True, "reward_encoding": "scalar"}


class ByHand(th.nn.Module):
    """A memory that keeps wins and losses of both arms, and shows what it makes of them."""

    num_layers, hidden_size, input_size = 1, 4, 5

    def shown(self, now, counts):
        raise NotImplementedError

    def forward(self, sequences, state):
        counts, shown = state[1], []
        for now in sequences:
            action, reward = now[:, 1:3], now[:, 3:4]
            counts = counts + th.cat([action * reward, action * (1.0 - reward)], 1)[None]
            shown.append(self.shown(now, counts[0]))
        output = th.stack(shown)
        return output, (output[-1:], counts)


class Believer(ByHand):
    """It holds the belief: means and standard deviations of both Beta posteriors."""

    def shown(self, now, counts):
        alpha, beta = (part.clamp(min=0.0) + 1.0 for part in counts.split(2, 1))
        mean = alpha / (alpha + beta)
        return th.cat([mean, (mean * (1.0 - mean) / (alpha + beta + 1.0)).sqrt()], 1)


class Echo(ByHand):
    """It holds the last reward, the last action, and nothing in two of its units."""

    def shown(self, now, counts):
        return th.cat([now[:, 3:4], now[:, 2:3], 0.0 * counts[:, :2]], 1)


def make_agent(family, memory="lstm", by_hand=None, seed=0, **inputs):
    """An agent with fresh weights, or with a memory by hand and heads that follow its first two numbers."""
    network = {"memory": memory, "lstm_hidden_size": (3, 4) if memory == "stacked" else 4, "shared_memory": True}
    inputs = {**INPUTS, **inputs}
    card = AgentCard(
        id="MetaBandit-Independent-v0",
        keywords={},
        seed=0,
        preset={"gamma": 0.5, "gamma_end": 0.9},
        network=network,
        inputs=inputs,
        interface=describe_interface(family, inputs),
    )
    with th.random.fork_rng():
        th.manual_seed(seed)
        shape = card.interface["inputs"]
        policy = ActorCritic(space_of(shape), card.interface["num_actions"], parts=shape, **network)
    if by_hand is not None:
        policy.lstm_actor = by_hand()
        with th.no_grad():
            for parameter in (*policy.action_net.parameters(), *policy.value_net.parameters()):
                parameter.zero_()
            policy.action_net.weight[:, :2] = 5.0 * th.eye(2)
            policy.value_net.weight[:, 0] = 1.0
    return Agent(policy, card)


@pytest.fixture(scope="module")
def believing():
    """A network by hand that holds the belief, in its bandit."""
    return analysis.trace(make_agent(BANDIT, by_hand=Believer), BANDIT, episodes=150)


@pytest.fixture(scope="module")
def blind():
    """A network without memory that is not shown what was paid, in the same bandit."""
    return analysis.trace(make_agent(BANDIT, memory="feedforward", reward=False), BANDIT, episodes=150)


@pytest.mark.parametrize("id", ["MetaBandit-Independent-v0", "MetaTwoStep-v0", "MetaHarlow-Symbolic-v0"])
def test_a_trace_is_of_the_lifetimes_of_record_trials(id):
    """Its table is the one that the agent has without being watched, over more than one block of lifetimes."""
    keywords = {"num_trials": 3} if id != "MetaHarlow-Symbolic-v0" else {}
    agent, episodes = load_agent(id), 1003 if keywords else 30
    found = analysis.trace(agent, id, episodes=episodes, seed=3, **keywords)
    table = record_trials(agent, id, episodes=episodes, seed=3, **keywords)
    assert found.table.names == table.names
    for name in table.names:
        np.testing.assert_array_equal(found.table[name], table[name])
    everyone = np.arange(len(table))
    assert {len(values) for values in (found.state, found.probs, found.value, found.delta)} == {len(table)}
    if agent.play == "greedy":
        np.testing.assert_array_equal(np.argmax(found.probs, axis=-1), table["action"])
    assert np.all(found.probs[everyone, table["action"]] > 0)


def test_rows_are_aligned_with_what_was_seen(believing):
    """Memory and belief before a choice are those of the pulls before it, and the error is of the choice itself."""
    table, lifetime = believing.table, believing.lifetime
    for number in (0, 77, 149):
        rows = np.flatnonzero(lifetime == number)
        action, reward = table["action"][rows], table["reward"][rows]
        for place in range(12):
            wins = np.bincount(action[:place], reward[:place], 2)
            pulls = np.bincount(action[:place], minlength=2)
            np.testing.assert_allclose(believing.belief[rows[place], :2], (wins + 1) / (pulls + 2))
            np.testing.assert_allclose(believing.layers["hidden"][rows[place], :2], (wins + 1) / (pulls + 2), rtol=1e-6)
        value = np.append(believing.value[rows], 0.0)
        np.testing.assert_allclose(believing.delta[rows], reward + 0.9 * value[1:] - value[:-1])
    assert believing.belief_names == ("mean_1", "mean_2", "sd_1", "sd_2")
    np.testing.assert_array_equal(believing.means, believing.belief[:, :2])


def test_agents_that_learned_from_regret_predict_it():
    """Their errors have a mean of about 0, as the agent is good; those from the reward alone have one of .69."""
    found = analysis.trace("agent", "MetaBandit-Independent-v0", episodes=100)
    assert found.learner.card.preset["regret"]
    assert abs(np.mean(found.delta)) < 0.05


@pytest.mark.parametrize(
    "family",
    [
        BANDIT,
        IndependentBandit(num_trials=5, num_arms=3),
        DependentBandit(num_trials=9),
        meta_envs.make_family("MetaBandit-Informative-v0"),
        meta_envs.make_family("MetaTwoStep-v0", num_trials=4),
        meta_envs.make_family("MetaTwoStep-Switching-v0", num_trials=12),
    ],
    ids=lambda family: type(family).__name__,
)
def test_action_values_are_the_optimums(family):
    """At the start the best is the optimum's value; each is what is paid and then follows, by simulation."""
    optimum = meta_envs.solve(family)
    found = analysis.trace("random", family, episodes=4000)
    first = found.table["step"] == 1
    np.testing.assert_allclose(np.max(found.action_values[first], axis=-1), optimum.value, rtol=1e-9)
    everyone, best = np.arange(len(found)), np.max(found.action_values, axis=-1)
    np.testing.assert_allclose(found.action_values[everyone, found.best_action], best, atol=1e-9)
    # The optimum's own prediction error has mean 0 after every action.
    later = np.append(np.where(np.diff(found.lifetime) == 0, best[1:], 0.0), 0.0)
    error = found.table["reward"] + later - found.action_values[everyone, found.table["action"]]
    for step in range(1, family.horizon + 1):
        errors = error[found.table["step"] == step]
        assert abs(np.mean(errors)) <= 4.5 * np.std(errors) / np.sqrt(len(errors)) + 1e-6


def test_an_optimum_of_which_less_is_known_is_followed():
    """Values of restless arms are posterior means; of Gaussian arms and Harlow's task the actions alone are known."""
    restless = analysis.trace("bayes", "MetaBandit-Restless-v0", episodes=20, num_trials=15)
    np.testing.assert_allclose(restless.action_values, restless.means)
    assert restless.belief_names[:2] == ("mean_1", "sd_1")
    np.testing.assert_array_equal(restless.best_action, restless.table["action"])
    gaussian = analysis.trace("bayes", "MetaBandit-Gaussian-v0", episodes=20, num_trials=9)
    assert gaussian.belief_names == ("mean_2", "sd_2")
    np.testing.assert_array_equal(gaussian.means[:, 1], gaussian.belief[:, 0])
    assert analysis.agreement(gaussian).overall.mean[0] == 1.0
    harlow = analysis.trace("bayes", "MetaHarlow-Symbolic-v0", episodes=20)
    assert harlow.action_values is None
    np.testing.assert_array_equal(harlow.best_action, harlow.table["action"])
    assert analysis.agreement(harlow).overall.mean[0] == 1.0


@pytest.mark.parametrize("memory", MEMORIES)
def test_an_agent_goes_on_from_its_own_memory(memory):
    """Resumed with what it had, it computes to the last bit what it would have; layers are parts of that."""
    agent, action, reward = make_agent(BANDIT, memory=memory), np.empty(0), np.empty(0)
    shown, rng = np.zeros((5, 1), np.float32), np.random.default_rng(0)
    agent.begin(BANDIT, 5, rng)
    for step in range(1, 6):
        before = agent.state
        probs, after, values = agent.action_probs(shown), agent.state, agent.values
        np.testing.assert_array_equal(agent.probs, probs)
        if step > 1:
            twin = make_agent(BANDIT, memory=memory)
            twin.begin(BANDIT, 5, rng)
            twin.resume(before, action, reward, step - 1)
            np.testing.assert_array_equal(twin.action_probs(shown), probs)
            np.testing.assert_array_equal(twin.state, after)
            np.testing.assert_array_equal(twin.values, values)
        action, reward = rng.integers(2, size=5), rng.integers(2, size=5).astype(float)
        agent.learn(action, None, reward)
    hidden = [place for name, place in agent.columns.items() if "hidden" in name or "weights" in name]
    np.testing.assert_array_equal(agent.memory, agent.state[:, sorted(column for place in hidden for column in place)])
    filled = {name for name, place in agent.columns.items() if np.any(after[:, place.start : place.stop])}
    assert filled | {"fast weights"} >= {*agent.columns}  # a bandit shows nothing to associate with


def test_an_untrained_agent_is_the_same_network_with_other_weights():
    """As large, drawn by the seed alone, with the bias that training adds, and without the claims of the card."""
    agent = load_agent("MetaBandit-Informative-v0")
    fresh, again, other = agent.untrained(), agent.untrained(), agent.untrained(1)
    weights = [
        {name: w.detach() for name, w in each.policy.named_parameters()} for each in (agent, fresh, again, other)
    ]
    assert [
        {name: w.shape for name, w in each.items()} == {n: w.shape for n, w in weights[0].items()} for each in weights
    ]
    assert all(th.equal(weights[1][name], weights[2][name]) for name in weights[0])
    assert not any(th.equal(weights[1][name], weights[place][name]) for name in weights[0] for place in (0, 3))
    bias = replace(agent.card, network={**agent.card.network, "forget_bias": 7.0})
    biased = Agent(agent.policy, bias).untrained()
    units = biased.policy.lstm_actor.hidden_size
    moved = biased.policy.lstm_actor.bias_ih_l0 - fresh.policy.lstm_actor.bias_ih_l0
    assert moved[units : 2 * units].min() > 3.0
    assert fresh.card.scorecards is None
    assert fresh.name == f"untrained ({agent.play})"


def test_the_control_sees_what_the_agent_saw(believing):
    """Its lifetimes are the agent's, action by action, and its memory is another."""
    for name in believing.table.names[1:]:
        np.testing.assert_array_equal(believing.control.table[name], believing.table[name])
    np.testing.assert_array_equal(believing.control.belief, believing.belief)
    again = believing.fed_to(believing.learner)
    np.testing.assert_array_equal(again.state, believing.state)
    assert believing.control.state.shape[1] == 8


def test_a_network_that_holds_the_belief_is_found_out(believing):
    """Its R^2 is 1, above an untrained network's."""
    found = analysis.decode_belief(believing)
    assert list(found.trained.at) == ["mean_1", "mean_2", "sd_1", "sd_2", "all"]
    assert np.all(found.trained.low > 0.999)
    np.testing.assert_allclose(found.predicted, believing.belief, atol=1e-2)
    assert np.all(found.difference.low > 0.0)
    assert np.all(found.untrained.low < found.untrained.mean)


def test_a_network_that_cannot_hold_it_is_found_out(blind):
    """Without memory and reward it knows the last arm and the time, and nothing of the means."""
    found = analysis.decode_belief(blind, control=blind)
    assert np.all(found.trained.high[:2] < 0.1)
    assert np.all(found.difference.mean == 0.0)


def test_nothing_is_predicted_from_a_lifetimes_own_rows():
    """What holds within a lifetime alone is no explanation of another; what holds in all is, exactly."""
    rng, lifetime = np.random.default_rng(0), np.repeat(np.arange(30), 20)
    own = rng.normal(size=(30, 1))[lifetime]
    assert np.mean((predict_held_out(np.eye(30)[lifetime], own, lifetime) - own) ** 2) >= 0.9 * np.var(own)
    x = rng.normal(size=(600, 3)) * [1.0, 100.0, 1e-3] + 50.0
    y = x @ rng.normal(size=(3, 2)) - 7.0
    np.testing.assert_allclose(predict_held_out(x, y, lifetime), y, rtol=1e-4)
    assert np.mean((predict_held_out(x, noise := rng.normal(size=(600, 1)), lifetime) - noise) ** 2) > 0.95


def test_the_optimum_agrees_with_itself():
    """Wholly, without loss; steps in which all arms are equally good do not count."""
    found = analysis.trace("bayes", BANDIT, episodes=200)
    same = analysis.agreement(found)
    assert same.overall.mean[0] == 1.0
    assert np.all(same.by_trial.mean == 1.0)
    assert same.loss.mean[0] == pytest.approx(0.0, abs=1e-12)
    assert 0.5 < same.counted < 1.0
    assert same.by_trial.at[0] == 2
    both = analysis.exploration(found)
    assert both.mean[0] == both.mean[1] > 0.0


def test_chance_agrees_by_chance():
    """Half of the choices of random play are the optimum's; of two equal probabilities the divergence is log 2."""
    found = analysis.agreement(analysis.trace("random", BANDIT, episodes=400))
    assert found.overall.low[0] < 0.5 < found.overall.high[0]
    assert found.divergence is None
    agent = make_agent(BANDIT)
    th.nn.init.zeros_(agent.policy.action_net.weight)
    th.nn.init.zeros_(agent.policy.action_net.bias)
    even = analysis.agreement(analysis.trace(agent, BANDIT, episodes=50))
    assert even.divergence.mean[0] == pytest.approx(np.log(2.0))
    # What a choice loses is on average what the optimum has more.
    lost = analysis.agreement(analysis.trace("random", BANDIT, episodes=2000)).loss
    optimum = meta_envs.solve(BANDIT)
    assert lost.low[0] < optimum.value - optimum.random_value < lost.high[0]


def test_a_greedy_network_does_not_explore(believing):
    """Playing the higher posterior mean it never takes the lower one, and the optimum does."""
    agent = make_agent(BANDIT, by_hand=Believer)
    agent.play = "greedy"
    found = analysis.exploration(analysis.trace(agent, BANDIT, episodes=150))
    assert found.mean[0] == 0.0 < found.mean[1]
    near = analysis.exploration(believing, near=0.1)
    assert np.all(near.count < analysis.exploration(believing).count)


class Always(Learner):
    name, needs = "always", ()

    def begin(self, family, num, rng):
        self._num = num

    def act(self, observation):
        return np.ones(self._num, np.intp)


def test_who_prefers_an_arm_is_asymmetric():
    """Whoever pulls arm 2 always begins with it, and regrets nothing where it is the better one."""
    found = analysis.symmetry(analysis.trace(Always(), BANDIT, episodes=300))
    assert list(found.first.mean) == [0.0, 1.0]
    assert found.regret.mean[1] == 0.0
    assert found.regret.low[0] < 12 / 3 < found.regret.high[0]  # E[p_1 - p_2 | p_1 > p_2] is 1/3
    assert sum(found.regret.count) == 300


def test_a_network_that_holds_the_belief_is_the_optimums_machine(believing, blind):
    """Both simulate one another all but wholly; the optimum cannot be had from a network without memory."""
    same = analysis.simulate_machine(believing)
    for found in (same.memory_from_belief, same.belief_from_memory):
        assert np.all(found.high < 0.02), str(found)
    assert np.all(same.untrained_belief_from_memory.low[:2] > same.belief_from_memory.high[:2])
    assert np.all(same.difference_belief_from_memory.high[:2] < 0.0)
    for way in ("memory_from_belief", "belief_from_memory"):
        trained, untrained = getattr(same, way), getattr(same, f"untrained_{way}")
        np.testing.assert_allclose(getattr(same, f"difference_{way}").mean, trained.mean - untrained.mean, atol=1e-12)
    other = analysis.simulate_machine(blind, control=blind)
    assert not np.any(other.difference_belief_from_memory.high)
    assert other.belief_from_memory.low[0] > 0.5
    # It reads no state, so that it need not be given the right one.
    assert other.memory_from_belief.mean[0] > 0.1
    np.testing.assert_allclose(other.memory_from_belief.mean[1:], 0.0, atol=1e-9)


def test_units_that_echo_follow_what_they_echo():
    """One follows the last reward, one the last action, and those that are constant follow nothing."""
    agent = make_agent(BANDIT, by_hand=Echo)
    with th.no_grad():
        agent.policy.action_net.weight.zero_()
        agent.policy.value_net.weight.zero_()
    found = analysis.unit_regressions(analysis.trace(agent, BANDIT, episodes=100))
    assert found.names == ("last reward", "last action", "last action x reward", "value")
    np.testing.assert_allclose(found.weights[:2, :3], np.eye(3)[:2], atol=1e-6)
    assert found.significant[0, 0]
    assert found.significant[1, 1]
    assert np.all(np.isnan(found.weights[2:]))
    assert not found.significant[2:].any()
    np.testing.assert_allclose(found.explained.mean[:2], 1.0, atol=1e-5)
    assert np.all(np.isnan(found.explained.mean[2:4]))


def test_errors_of_units_respect_lifetimes():
    """Rows that only repeat tell nothing new, and what has no effect is significant in 5 % of units."""
    rng, units, num = np.random.default_rng(1), 2000, 200
    x, y = rng.normal(size=(num, 1)), rng.normal(size=(num, units))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    once = _fit_clustered(x, y, np.arange(num))
    often = _fit_clustered(np.repeat(x, 25, axis=0), np.repeat(y, 25, axis=0), np.repeat(np.arange(num), 25))
    np.testing.assert_allclose(often[0], once[0])
    np.testing.assert_allclose(often[1], once[1], rtol=0.03)
    assert 0.03 < np.mean(np.abs(often[0] / often[1]) > 1.972) < 0.07


def test_a_shipped_agent_holds_more_than_an_untrained_one():
    """The belief is decoded better from the trained memory, and choices are mostly the optimum's."""
    found = analysis.trace("agent", "MetaBandit-Dependent-v0", episodes=40)
    assert analysis.decode_belief(found).difference.low[-1] > 0.0
    assert analysis.agreement(found).overall.low[0] > 0.9


def test_figures_show_what_there_is(believing):
    """Each gives a figure with a panel for each thing, and draws without a warning."""
    decoding = analysis.decode_belief(believing)
    for figure, panels in (
        (analysis.trace_figure(believing, 3), 4),
        (analysis.decoding_figure({"by hand": decoding}), 1),
        (analysis.decoding_figure({0: decoding, 1000: decoding}), 1),
        (analysis.agreement_figure({"by hand": analysis.agreement(believing)}), 1),
        (analysis.simulation_figure(analysis.simulate_machine(believing, units=10)), 2),
        (analysis.unit_figure(analysis.unit_regressions(believing)), 4),
    ):
        figure.canvas.draw()
        assert len([axes for axes in figure.axes if axes.axison]) == panels
    with pytest.raises(ValueError, match="no decodings to draw"):
        analysis.decoding_figure({})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda found: found.memory(["hidden 3"]), "did you mean hidden"),
        (lambda found: analysis.decode_belief(found, folds=151), "at most as many as lifetimes"),
        (lambda found: analysis.decode_belief(found, folds=1), "folds"),
        (lambda found: analysis.unit_regressions(found, stage=2), "from 1 to 1"),
        (lambda found: analysis.trace(["bayes", "random"], BANDIT), "give one"),
        (lambda found: analysis.decode_belief(analysis.trace("bayes", BANDIT, episodes=9)), "has no untrained twin"),
        (lambda found: analysis.trace("bayes", BANDIT, episodes=9).layers, "trace a trained agent"),
        (
            lambda found: analysis.agreement(analysis.trace("ucb", IndependentBandit(num_trials=1001), episodes=3)),
            "best_action",
        ),
        (lambda found: analysis.exploration(analysis.trace("bayes", "MetaTwoStep-v0", episodes=9)), "take a bandit"),
        (
            lambda found: analysis.simulate_machine(analysis.trace("bayes", "MetaHarlow-Symbolic-v0", episodes=3)),
            "a bandit",
        ),
        (lambda found: analysis.agreement(found, tie=100.0), "equally good"),
        (lambda found: analysis.trace_figure(found, 150), "lifetime=150"),
    ],
)
def test_what_cannot_be_analysed_is_refused(believing, call, message):
    """In a sentence that says what is missing, and what to do."""
    with pytest.raises(ValueError, match=message):
        call(believing)


def test_the_notebook_runs(tmp_path, monkeypatch):
    """Cell by cell, with little training; it ends with a figure for each question."""
    monkeypatch.setenv("META_ENVS_STEPS", "20000")
    monkeypatch.setenv("META_ENVS_EPISODES", "10")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    notebook = json.loads((Path(__file__).parents[1] / "examples" / "what_did_it_learn.ipynb").read_text("utf-8"))
    made, figures = {}, []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "what_did_it_learn.ipynb", "exec"), made)
            if "".join(cell["source"]).endswith("\nfigure"):
                made["figure"].canvas.draw()
                figures.append(made["figure"])
    assert len(figures) == 4
    assert made["agents"][0].card.steps < made["agents"][-1].card.steps
