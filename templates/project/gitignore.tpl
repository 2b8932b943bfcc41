/build/
/runs/
/frozen/
