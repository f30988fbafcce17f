// Before anything is drawn: the colours that the reader chose.
{
  const look = localStorage.getItem("look");
  if (look) document.documentElement.dataset.look = look;
}
