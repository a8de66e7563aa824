"""`to_torch`: with PyTorch where it is installed, and its DataLoader's workers without it, by a stand-in for `torch.utils.data`."""

import json
import multiprocessing
import pickle
import sys
import types

import numpy as np
import pytest

import gradframe as gf

ROWS = 10_000


@pytest.fixture
def frame():
    return gf.from_dict({"i": np.arange(ROWS), "x": np.arange(ROWS) / 2}).lazy()


def test_torch(frame):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: to_torch is tested with a stand-in alone")
    dataset = frame.to_torch(512, shuffle=True, seed=1)
    batches = list(torch.utils.data.DataLoader(dataset, batch_size=None))
    assert batches[0]["x"].dtype == torch.float64
    assert sorted(torch.cat([batch["i"] for batch in batches]).tolist()) == list(range(ROWS))
    loader = torch.utils.data.DataLoader(
        frame.select("i").to_torch(512, shuffle=True, seed=1), batch_size=None, num_workers=2, multiprocessing_context="fork"
    )
    alone = [batch["i"].tolist() for batch in frame.select("i").to_torch(512, shuffle=True, seed=1)]
    assert [batch["i"].tolist() for batch in loader] == alone
    nulls = gf.from_dict({"x": [1, None]}).lazy()
    with pytest.raises(gf.errors.ExecutionError, match="column `x` has 1 nulls"):
        list(nulls.to_torch(2))


def writable(values):
    """The memory as PyTorch takes it: it knows none that cannot be written to."""
    seen = np.from_dlpack(values)
    interface = {**seen.__array_interface__, "data": (seen.ctypes.data, False)}
    return np.asarray(types.SimpleNamespace(__array_interface__=interface, held=values))


@pytest.fixture
def stand_in(monkeypatch):
    """What `to_torch` asks of PyTorch; `worker` says which of a DataLoader's workers this process is."""
    data = types.ModuleType("torch.utils.data")
    data.IterableDataset, data.worker = object, None
    data.get_worker_info = lambda: data.worker
    distributed = types.ModuleType("torch.distributed")
    distributed.is_available = lambda: False
    torch = types.ModuleType("torch")
    torch.from_dlpack, torch.as_tensor = writable, np.asarray
    torch.utils, torch.distributed = types.ModuleType("torch.utils"), distributed
    torch.utils.data = data
    for module in (torch, torch.utils, data, distributed):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return torch


def in_worker(torch, dataset, worker, workers, send, state=None, stop=None):
    torch.utils.data.worker = types.SimpleNamespace(id=worker, num_workers=workers)
    if state is not None:
        dataset.load_state_dict(state)
    batches = []
    for batch in dataset:
        batches.append(batch["i"].tolist())
        if len(batches) == stop:
            break
    send.send((batches, json.dumps(dataset.state_dict())))
    send.close()


def of_workers(torch, dataset, workers, states=None, stop=None):
    """What each of a DataLoader's workers, processes of their own, makes of the dataset, and where it is then."""
    context, made = multiprocessing.get_context("fork"), []
    for worker in range(workers):
        receive, send = context.Pipe(duplex=False)
        state = None if states is None else json.loads(states[worker])
        process = context.Process(target=in_worker, args=(torch, dataset, worker, workers, send, state, stop))
        process.start()
        send.close()
        made.append((process, receive))
    results = [receive.recv() for _, receive in made]
    for process, _ in made:
        process.join(60)
    return [batches for batches, _ in results], [state for _, state in results]


def test_a_data_set_is_sent_to_workers_that_are_started_anew(frame, stand_in):
    dataset = frame.filter(gf.col("i") % 2 == 0).to_torch(512, shuffle=True, seed=1)
    sent = pickle.loads(pickle.dumps(dataset))
    assert [batch["i"].tolist() for batch in sent] == [batch["i"].tolist() for batch in dataset]


def in_turn(shares):
    return [share[at] for at in range(max(map(len, shares))) for share in shares if at < len(share)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_workers_batches_together_are_those_of_one_process(frame, stand_in, workers):
    alone = [batch["i"].tolist() for batch in frame.to_torch(512, shuffle=True, seed=1)]
    assert sorted(sum(alone, [])) == list(range(ROWS))
    shares, _ = of_workers(stand_in, frame.to_torch(512, shuffle=True, seed=1), workers)
    assert in_turn(shares) == alone


def test_ranks_and_workers_together_see_each_row_once(frame, stand_in):
    seen = []
    for rank in range(2):
        shares, _ = of_workers(stand_in, frame.to_torch(300, rank=rank, world_size=2), 2)
        seen += sum(sum(shares, []), [])
    assert sorted(seen) == list(range(ROWS))


def test_each_worker_goes_on_where_it_was(frame, stand_in):
    def make():
        return frame.to_torch(300, shuffle=True, seed=5)

    whole, _ = of_workers(stand_in, make(), 2)
    begun, states = of_workers(stand_in, make(), 2, stop=4)
    rest, _ = of_workers(stand_in, make(), 2, states=states)
    assert [first + second for first, second in zip(begun, rest)] == whole
    stand_in.utils.data.worker = types.SimpleNamespace(id=1, num_workers=2)
    with pytest.raises(gf.errors.PlanError, match="the state was taken with worker = 0, this loader has 1"):
        make().load_state_dict(json.loads(states[0]))


def test_workers_go_on_in_turn_after_any_number_of_batches(frame, stand_in):
    alone = [batch["i"].tolist() for batch in frame.to_torch(300, shuffle=True, seed=5)]
    for given, workers in [(3, 2), (4, 3), (5, 3), (4, 2)]:
        dataset = frame.to_torch(300, shuffle=True, seed=5)
        for _ in zip(range(given), dataset):
            pass
        resumed = frame.to_torch(300, shuffle=True, seed=5)
        resumed.load_state_dict(json.loads(json.dumps(dataset.state_dict())))
        shares, _ = of_workers(stand_in, resumed, workers)
        assert in_turn(shares) == alone[given:], (given, workers)


def test_a_worker_deals_the_next_epoch_from_its_beginning(frame, stand_in):
    dataset = frame.to_torch(300, shuffle=True, seed=5)
    next(iter(dataset))
    stand_in.utils.data.worker = types.SimpleNamespace(id=0, num_workers=2)
    _, second = [list(dataset) for _ in range(2)]
    begun = frame.to_torch(300, shuffle=True, seed=5)
    begun.set_epoch(1)
    assert [batch["i"].tolist() for batch in second] == [batch["i"].tolist() for batch in begun]


def test_a_rank_without_a_world_is_refused(frame, stand_in):
    with pytest.raises(gf.errors.PlanError, match="give rank and world_size together"):
        frame.to_torch(10, rank=1)


def touched(dataset, how):
    """The data set after what a script does with it in the main process before its loop."""
    if how == "looked at":
        next(iter(dataset))
    elif how == "asked for its state":
        dataset.state_dict()
    elif how == "at an epoch":
        dataset.set_epoch(3)
    return dataset


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("how", ["looked at", "asked for its state", "at an epoch"])
@pytest.mark.parametrize("sent", [lambda dataset: dataset, lambda dataset: pickle.loads(pickle.dumps(dataset))], ids=["forked", "anew"])
def test_workers_begin_where_the_main_process_was_told_to(frame, stand_in, sent, how, workers):
    def make():
        return frame.to_torch(512, shuffle=True, seed=1)

    alone = make()
    if how == "at an epoch":
        alone.set_epoch(3)
    expected = [batch["i"].tolist() for batch in alone]
    shares, _ = of_workers(stand_in, sent(touched(make(), how)), workers)
    assert in_turn(shares) == expected


@pytest.mark.parametrize("given", [0, 1, 4, 19, 20])
def test_workers_share_what_a_loaded_state_has_left(frame, stand_in, given):
    before = frame.to_torch(512, shuffle=True, seed=1)
    seen = [batch["i"].tolist() for batch, _ in zip(before, range(given))]
    resumed = frame.to_torch(512, shuffle=True, seed=1)
    resumed.load_state_dict({**before.state_dict(), "epoch": 0, "batches": given})
    shares, _ = of_workers(stand_in, resumed, 3)
    assert sorted(sum(sum(shares, []), []) + sum(seen, [])) == list(range(ROWS))


def test_a_loop_may_change_its_batches_in_place(stand_in):
    mine = np.arange(4.0)
    frame = gf.from_dict({"x": mine, "m": np.arange(8.0).reshape(4, 2)}).lazy()
    made = frame.with_columns(y=gf.col("x"), z=gf.col("x") + 1)
    for loop in (frame.to_torch(2), frame.to_torch(4), made.to_torch(2), made.to_torch(4)):
        for batch in [*loop, *loop]:
            for tensor in batch.values():
                tensor -= 1
            assert "y" not in batch or batch["x"].tolist() == batch["y"].tolist() == (batch["z"] - 1).tolist()
    assert mine.tolist() == [0, 1, 2, 3]
    assert frame.collect()["m"].to_list() == [[0, 1], [2, 3], [4, 5], [6, 7]]
