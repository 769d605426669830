"""Scratch."""
import time
from neuralforge.graph.graph import Edge, Graph, Node
from neuralforge.graph.document import Document, dumps
from neuralforge.workbench import commands as do
from tests.ui.pilot import Pilot, scenario
from tests.ui.whole import Person, whole
import pytest, os

def chain(n):
    nodes=[Node.make('input','input',shape=(8,))]+[Node.make(f'l{i}','linear' if i%2 else 'relu',**({'out_features':8} if i%2 else {})) for i in range(n)]+[Node.make('output','output')]
    ids=[x.id for x in nodes]
    return Document(graph=Graph.build(nodes,[Edge(a,'output',b,'input') for a,b in zip(ids,ids[1:])]))

def timed(pilot, label, frames=10):
    t=time.perf_counter(); pilot.frames(frames)
    print(f"{label}: {(time.perf_counter()-t)/frames*1e3:.1f} ms/frame", flush=True, file=open("/tmp/hostile/out.txt","a"))

@pytest.mark.parametrize("n",[1000, 2000, 4000])
@scenario(stage=whole())
def test_big(pilot: Pilot, n: int) -> None:
    import faulthandler; faulthandler.dump_traceback_later(60, exit=False)
    person=Person(pilot)
    person.empty()
    timed(pilot,'empty')
    path=person.app.home/'big.nf.json'
    path.write_text(dumps(chain(n)))
    app=person.app
    worst=[]
    orig=app.window._note_frame
    last=[time.perf_counter()]
    def note(b,i,c):
        now=time.perf_counter(); worst.append((now-last[0],c)); last[0]=now; orig(b,i,c)
    app.window._note_frame=note
    t=time.perf_counter()
    person.post(do.OpenPath(path))
    person.wait(lambda v: len(v.document.document.graph.nodes)>100)
    print(n,'open',time.perf_counter()-t,'worst gap',max(worst), flush=True, file=open("/tmp/hostile/out.txt","a"))
    for step in ('drawn',):
        worst.clear(); pilot.frames(4); print(step,[f'{c*1e3:.0f}' for _,c in worst], flush=True, file=open("/tmp/hostile/out.txt","a"))
    for key in ('code','issues','outline','history','inspector'):
        worst.clear(); t=time.perf_counter(); person.panel(key); pilot.frames(4); print(key,[f'{c*1e3:.0f}' for _,c in worst], flush=True, file=open("/tmp/hostile/out.txt","a"))
    worst.clear(); person.post(do.SelectAll()); pilot.frames(4); print('selectall',[f'{a*1e3:.0f}' for a,c in worst], flush=True, file=open("/tmp/hostile/out.txt","a"))
    worst.clear(); person.post(do.Select(frozenset({'l7'}))); pilot.frames(4); print('select',[f'{a*1e3:.0f}' for a,c in worst], flush=True, file=open("/tmp/hostile/out.txt","a"))
    from neuralforge.graph.edits import SetParams
    worst.clear(); person.post(do.Apply(SetParams.of('l7',out_features=9))); pilot.frames(4); print('edit',[f'{a*1e3:.0f}' for a,c in worst], flush=True, file=open("/tmp/hostile/out.txt","a"))
    worst.clear(); person.post(do.Undo()); pilot.frames(4); print('undo',[f'{a*1e3:.0f}' for a,c in worst], flush=True, file=open("/tmp/hostile/out.txt","a"))
