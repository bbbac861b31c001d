import { mount } from 'svelte';
import 'uplot/dist/uPlot.min.css';
import './app.css';
import App from './app.svelte';

const holder = document.getElementById('app');
if (holder) mount(App, { target: holder });
